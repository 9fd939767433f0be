"""The Fraud Detection Handbook's tables, and Weir beside XGBoost that is refitted every week."""
