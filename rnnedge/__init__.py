"""Train, export and stream recurrent networks: the verbs and the command line."""
