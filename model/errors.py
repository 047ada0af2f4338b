"""What the researcher's commands may refuse, each in one line.

ModelError
+-- RecipeError      (model.recipe)
+-- CheckpointError  (model.checkpoint)
+-- ExportError      (model.export)
"""


class ModelError(Exception):
    """The command cannot do what was asked."""
