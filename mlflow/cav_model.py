"""The model of a registered concept activation vector (MLflow models-from-code): activations in, sides out."""

import hashlib
from pathlib import Path

import mlflow
import numpy as np
from safetensors.numpy import load


class CavModel(mlflow.pyfunc.PythonModel):
    """Compute vector · row + intercept, [rows], for rows [rows, d], averaged over the random sets.

    A value above 0 is on the concept's side.
    """

    def load_context(self, context):
        file = Path(context.artifacts["cav"])
        data = file.read_bytes()
        if hashlib.sha256(data).hexdigest() != context.model_config["sha256"]:
            raise ValueError(
                f"{file} is damaged (its checksum is wrong): delete this model version in MLflow and run the flow "
                "`concepts` again, which registers it anew"
            )
        tensors = load(data)
        self.vector_d, self.intercept = tensors["vectors"].mean(0), tensors["intercepts"].mean()

    def predict(self, context, model_input: np.ndarray, params=None) -> np.ndarray:
        return np.asarray(model_input, dtype=np.float32) @ self.vector_d + self.intercept


mlflow.models.set_model(CavModel())
