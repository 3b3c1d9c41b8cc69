"""Training of networks: the run, optimizers, schedules, callbacks, upkeep of indexes."""
