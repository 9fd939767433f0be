"""Life as it is played: who looks at what, who says what of it, and when. No Kafka, no clock."""
