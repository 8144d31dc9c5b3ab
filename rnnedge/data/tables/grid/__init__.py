"""From times of readings to slots of one sampling period."""
