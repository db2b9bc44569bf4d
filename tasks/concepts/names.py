"""The choices of concepts and attacks by name, without PyTorch: forms, expectations, figures and page read them."""

from typing import Literal, get_args

Classifier = Literal["logistic", "sgd", "mean-difference"]
Pool = Literal["mean", "none"]
ObjectiveName = Literal["token-pushing", "cav", "class-gradient", "random-set"]
Control = Literal["clean", "noise", "random-direction"]
Statistic = Literal["fvu", "rare", "fragile", "plain"]
CheckName = Literal["CAV shift after JPEG", "split-half disagreement", "colour grain"]

CONTROLS = get_args(Control)
ATTACKS = (*CONTROLS, *get_args(ObjectiveName))
"""All values of `attacks.attack`, controls first."""
