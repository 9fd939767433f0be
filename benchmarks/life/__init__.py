"""How well Weir learns in real life: few frauds, labels as they come, partitions that differ."""
