"""The small traffic detector that ships with the service: distilled, exported, measured."""
