"""The model of a registered dictionary (MLflow models-from-code): float32 rows in, features out.

It reads the dictionary's own files with the `tasks` package that is stored in the model, so checksums are compared and
features computed by the same implementation as everywhere else.
"""

from pathlib import Path

import mlflow
import numpy as np
import torch

from tasks.checksums import Damaged
from tasks.dictionary.store import load_dictionary
from tasks.settings import Settings


class DictionaryModel(mlflow.pyfunc.PythonModel):
    """Compute features [rows, m] of rows [rows, channels] (SAE) or orbits [rows, |G|, channels] (crosscoder)."""

    def load_context(self, context):
        settings = Settings(data_dir=Path(context.artifacts["data"]))
        try:
            self.dictionary = load_dictionary(context.model_config["dictionary"], settings)
        except Damaged as error:
            remedy = "delete this model version in MLflow and run the flow `train` again, which registers it anew"
            raise Damaged(error.path, error.reason, remedy) from None

    def predict(self, context, model_input: np.ndarray, params=None) -> np.ndarray:
        rows = torch.from_numpy(np.array(model_input, dtype=np.float32))
        return self.dictionary.encode(rows).numpy()


mlflow.models.set_model(DictionaryModel())
