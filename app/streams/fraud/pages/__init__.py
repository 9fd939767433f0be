"""Pages of customers and merchants, beside the page that every application's events have."""
