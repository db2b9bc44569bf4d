"""Where things are: the settings a machine has, as opposed to the configs a run has."""

from pathlib import Path

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

ROOT = Path(__file__).resolve().parents[1]


class Settings(BaseSettings):
    """Read from the environment (`KALEIDOSCOPE_…`) at each construction."""

    model_config = SettingsConfigDict(env_prefix="KALEIDOSCOPE_", frozen=True)

    data_dir: Path = Field(ROOT / "data", description="everything the service writes")
    weights_dir: Path | None = Field(None, description="folder of weight files the user brings")
    images_dir: Path | None = Field(None, description="folder of photographs, read recursively")
    tracking_uri: str | None = Field(None, description="MLflow tracking URI; default: SQLite under data_dir")

    @field_validator("data_dir", "weights_dir", "images_dir")
    @classmethod
    def _absolute(cls, folder: Path | None) -> Path | None:
        """Servers and workers run elsewhere and must mean the same folder."""
        return folder and folder.absolute()

    @property
    def activations_dir(self) -> Path:
        return self.data_dir / "activations"

    @property
    def dictionaries_dir(self) -> Path:
        return self.data_dir / "dictionaries"

    @property
    def cavs_dir(self) -> Path:
        return self.data_dir / "cavs"

    @property
    def attacks_dir(self) -> Path:
        return self.data_dir / "attacks"

    @property
    def frames_dir(self) -> Path:
        return self.data_dir / "frames"

    @property
    def quarantine_dir(self) -> Path:
        return self.data_dir / "quarantine"

    @property
    def warehouse_file(self) -> Path:
        return self.data_dir / "warehouse" / "kaleidoscope.duckdb"

    @property
    def published_file(self) -> Path:
        return self.data_dir / "published" / "kaleidoscope.duckdb"

    @property
    def site_dir(self) -> Path:
        return self.data_dir / "site"

    @property
    def mlflow_dir(self) -> Path:
        return self.data_dir / "mlflow"

    @property
    def mlflow_tracking_uri(self) -> str:
        return self.tracking_uri or f"sqlite:///{self.mlflow_dir / 'mlflow.db'}"
