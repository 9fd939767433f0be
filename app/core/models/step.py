"""The end of a step: where models that learn in batches learn what is open."""


def end_step(model: object) -> None:
    """Tell a model that a step of the log ends here.

    A model that learns every example at once has no method `end_step`, and needs none.
    """
    end = getattr(model, "end_step", None)
    if end is not None:
        end()
