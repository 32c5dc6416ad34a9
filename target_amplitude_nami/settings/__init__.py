"""Settings: declared once, checked all at once, handed out in small parts."""

from target_amplitude_nami.settings.declared import LOCAL
from target_amplitude_nami.settings.schema import BuiltInSettings, config_schema
from target_amplitude_nami.settings.settings import Settings, given

__all__ = ["LOCAL", "BuiltInSettings", "Settings", "config_schema", "given"]
