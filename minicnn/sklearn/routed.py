"""Parameters that go to the function that makes the model: model__filters=32 is its filters=32."""

from typing import Any

from sklearn.base import BaseEstimator

from minicnn.errors import did_you_mean

PREFIX = "model__"


class Routed(BaseEstimator):
    """An estimator whose parameters are the arguments of its constructor and those that begin with
    model__, which are attributes too.
    """

    def _route(self, parameters: dict[str, Any]) -> None:
        """Keep parameters. Raises TypeError for those that do not begin so."""
        for name, value in parameters.items():
            if not name.startswith(PREFIX):
                known = self._get_param_names()
                raise TypeError(
                    f"{type(self).__name__} has no argument {name!r}.{did_you_mean(name, known)} "
                    f"Arguments of the function that makes the model begin with {PREFIX}"
                )
            setattr(self, name, value)

    @property
    def _routed(self) -> dict[str, Any]:
        """The parameters of the model, without what they begin with."""
        own = {name: value for name, value in vars(self).items() if name.startswith(PREFIX)}
        return {name.removeprefix(PREFIX): value for name, value in own.items()}

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """All parameters by name."""
        routed = {PREFIX + name: value for name, value in self._routed.items()}
        return super().get_params(deep) | routed

    def set_params(self, **params: Any) -> "Routed":
        """Change parameters. Raises ValueError for unknown ones."""
        routed = {name: value for name, value in params.items() if name.startswith(PREFIX)}
        own = {name: value for name, value in params.items() if name not in routed}
        super().set_params(**own)
        self._route(routed)
        return self
