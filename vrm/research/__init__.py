"""Leads, as the store or a published table has them → honest measures of reach, response and silence."""
