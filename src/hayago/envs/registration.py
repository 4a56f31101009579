"""Tells Gymnasium of the environment `hayago/Go-v0` as soon as both packages are imported, in whichever
order.

`import hayago` must stay cheap (`hayago gtp` answers before numpy is loaded) and Gymnasium has no plugin
entry points, so where Gymnasium is not imported yet, a finder waits for its import, lets it run, registers,
and is gone.
"""

import contextlib
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType

ENVIRONMENT = "hayago/Go-v0"


def register_environment() -> None:
    """Register now if Gymnasium is imported, else when it will be."""
    if "gymnasium" in sys.modules:
        _register()
    else:
        sys.meta_path.insert(0, _GymnasiumWatch())


def _register() -> None:
    import gymnasium

    if ENVIRONMENT not in gymnasium.registry:
        gymnasium.register(
            ENVIRONMENT,
            entry_point="hayago.envs.go_env:GoEnv",
            vector_entry_point="hayago.envs.vector_env:GoVectorEnv",
        )


class _GymnasiumWatch:
    """A finder that finds nothing itself: it adds our registration to the end of Gymnasium's own import."""

    _asks_others = False

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != "gymnasium" or self._asks_others:
            return None
        import importlib.util

        self._asks_others = True
        try:
            spec = importlib.util.find_spec(fullname)
        finally:
            self._asks_others = False
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def execute_and_register(module: ModuleType) -> None:
                execute(module)
                with contextlib.suppress(ValueError):  # it is gone already
                    sys.meta_path.remove(self)  # not before: others only ask whether there is a Gymnasium
                _register()

            spec.loader.exec_module = execute_and_register  # type: ignore[method-assign]
        return spec
