"""What a cell of a table means and where a row is in time, for training and device alike.

Everywhere in here `where` starts the messages, as a rule the name of the table, and
`options` is what the user says of it (`TableOptions`).
"""
