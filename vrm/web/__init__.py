"""The desk: requests of people and programs → verbs; what verbs return → pages and JSON. Only here is HTTP known."""
