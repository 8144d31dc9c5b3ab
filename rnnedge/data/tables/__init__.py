"""Tables of readings onto one time grid."""
