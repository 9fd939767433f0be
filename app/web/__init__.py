"""Web views of the state, and the JSON behind them."""
