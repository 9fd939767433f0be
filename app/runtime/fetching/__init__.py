"""Reading what a fetch brings: codecs, batches that cannot be read, offsets that hold nothing."""
