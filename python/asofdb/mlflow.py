"""Training sets in MLflow: which of them a run was trained with, and the very same again.

``log_training_set(run, training_set)`` records what a training set was made of: the store, features with their
definitions, the spine by its digest, the times, and the digest of the result. ``training_set_of(run, store)`` makes it
again and says what is not the same. ``models_using(view)`` finds the registered versions of models that were trained
with a view.

It needs MLflow: ``pip install 'asofdb[mlflow]'``.
"""

from __future__ import annotations

from ._mlflow_compare import Difference
from ._mlflow_log import log_training_set
from ._mlflow_models import ModelVersion, models_using
from ._mlflow_record import TrainingSetRecord
from ._mlflow_remake import Remade, training_set_of

__all__ = [
    "Difference",
    "ModelVersion",
    "Remade",
    "TrainingSetRecord",
    "log_training_set",
    "models_using",
    "training_set_of",
]
