"""What pages ask for that needs torch: questions over a pipe to a process of their own.

On the pages' side `predicting` and `explanations` ask, `lane` and `jobs` see to the processes and
their turns; `wire` is what both sides speak; `answering`, `explaining` and `looking` answer.
"""
