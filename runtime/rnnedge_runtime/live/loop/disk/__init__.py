"""The state folder: snapshots of all streams and the journal of what came since."""
