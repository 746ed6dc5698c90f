"""One folder per provider type, each one class behind `llmo.providers.provider.Provider`."""
