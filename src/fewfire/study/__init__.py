"""The KDD 2017 study, reproduced: what `fewfire reproduce kdd2017` runs.

A study is a list of trials: `trials` says which, `work` trains one, `runner` goes through them and
keeps their lines in a file. `claims` compares the lines with the paper's, and `report` writes it
all down.
"""
