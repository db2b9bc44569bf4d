"""What MLflow runs to load a registered concept activation vector (models-from-code): activations in, sides out."""

import mlflow
import numpy as np
from safetensors.numpy import load_file


class CavModel(mlflow.pyfunc.PythonModel):
    """vector · row + intercept [rows] of rows [rows, d], mean over the random sets; above 0 on the concept's side."""

    def load_context(self, context):
        tensors = load_file(context.artifacts["cav"])
        self.vector_d, self.intercept = tensors["vectors"].mean(0), tensors["intercepts"].mean()

    def predict(self, context, model_input: np.ndarray, params=None) -> np.ndarray:
        return np.asarray(model_input, dtype=np.float32) @ self.vector_d + self.intercept


mlflow.models.set_model(CavModel())
