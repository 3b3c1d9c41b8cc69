"""Trainings that are killed at random moments and go on: they must end as if nothing had happened.

`kill -9` comes at a random moment near an epoch's end, a checkpoint or a save; what stands under
the name of a model or a checkpoint must be whole then, the old one or the new one. A training that
went on, in one thread, has the same weights to the bit, and leaves no unfinished file behind.
"""
