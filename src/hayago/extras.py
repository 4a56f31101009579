"""The packages that only some installations have. pyproject.toml lists the same ones under optional-dependencies."""

EXTRAS = {"jinja2": "train", "matplotlib": "train", "pyarrow": "train", "torch": "train", "tensorboard": "all"}


def advice(error: BaseException | None) -> str:
    """What to type where one of these packages is missing; "" for any other error."""
    if not isinstance(error, ImportError):
        return ""
    package = (error.name or "").partition(".")[0] if isinstance(error, ModuleNotFoundError) else ""
    if package in EXTRAS:
        return f'this needs {package}, which is not installed: pip install "hayago[{EXTRAS[package]}]"'
    return advice(error.__cause__ or error.__context__)
