"""Files of any format and compression as tables: column names first, then one row at a time."""
