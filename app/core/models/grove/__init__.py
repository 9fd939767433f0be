"""Rolling trees beside binned weights: interactions of features, learned label by label."""
