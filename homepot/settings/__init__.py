"""Settings by mode; `environment.settings_module()` names the one to load."""
