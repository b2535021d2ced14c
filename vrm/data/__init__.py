"""Categories and regions as committed CSV files, and the script that makes them from published packages."""
