"""The classifier of scikit-learn that is a network."""

import copy
from collections.abc import Callable, Mapping
from typing import Any, Self

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from minicnn.expect import number
from minicnn.models.model import Model
from minicnn.network.ending import class_probabilities
from minicnn.sklearn import labels, networks, pictures
from minicnn.sklearn.routed import Routed
from minicnn.sklearn.stored import Pickled
from minicnn.training.callbacks import Callback
from minicnn.types import Array, Shape

KEPT: dict[str, Any] = {"dtype": pictures.TYPES, "order": "C"}  # how validate_data leaves rows


class CNNClassifier(ClassifierMixin, Routed, Pickled):
    """A network as a classifier of scikit-learn.

    Args:
        model: what is trained. None is a small network for pictures of any size; a name is one of
            minicnn.applications, such as "SmallCNN"; a function makes it from input_shape,
            n_classes and what is given as model__argument; a model, compiled or not, is copied at
            every fit, with fresh weights but for those of layers that were trained or loaded.
        input_shape: of one picture, (H, W, C), of which X may hold the rows (N, H * W * C). Unless
            given it is the model's or that of X; a row of D numbers is then a picture of 1xD.
        optimizer, loss: as in compile; None for those of a compiled model, else "adam" and the
            cross-entropy that goes with the last layer.
        learning_rate: of the optimizer, or a schedule; None for its own.
        epochs, batch_size, callbacks, verbose: as in Model.fit; callbacks are copied for every fit.
        validation_split: the share of samples to validate on, drawn anew from every class in
            proportion; Keras takes the last ones, but scikit-learn's data are often in order.
        class_weight: {label: factor}, or "balanced".
        warm_start: whether fit goes on from where the last one ended.
        random_state: determines initial weights, dropout and order, to the bit; None takes NumPy's
            global state, as everywhere in scikit-learn.
        model__argument: of the function that makes the model: model__filters=32.

    Attributes:
        model_: the trained Model, which can be saved, exported and looked into; its class_names are
            the classes.
        classes_: the labels, sorted.
        history_: what every epoch logged, {"loss": [...]}, over all fits that went on.
        input_shape_: of one picture.
        n_features_in_: the numbers of one picture.

    Raises TypeError for an argument that is not there; all others are looked at by fit.

    >>> from minicnn.sklearn import CNNClassifier
    >>> X = np.random.default_rng(0).random((64, 8, 8, 1), np.float32)
    >>> y = np.where(X.mean(axis=(1, 2, 3)) > 0.5, "light", "dark")
    >>> CNNClassifier(epochs=2, random_state=0).fit(X, y).predict_proba(X[:3]).shape
    (3, 2)
    """

    model_: Model
    classes_: Array
    history_: dict[str, list[Any]]
    input_shape_: Shape
    n_features_in_: int

    def __init__(
        self,
        model: None | str | Callable[..., Model] | Model = None,
        *,
        input_shape: Shape | None = None,
        optimizer: Any = None,
        learning_rate: Any = None,
        loss: Any = None,
        epochs: int = 20,
        batch_size: int = 32,
        validation_split: float = 0.0,
        callbacks: Callback | list[Callback] | None = None,
        class_weight: Mapping[Any, float] | str | None = None,
        warm_start: bool = False,
        random_state: Any = None,
        verbose: int | str = 0,
        **model__: Any,
    ):
        self.model = model
        self.input_shape = input_shape
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.loss = loss
        self.epochs = epochs
        self.batch_size = batch_size
        self.validation_split = validation_split
        self.callbacks = callbacks
        self.class_weight = class_weight
        self.warm_start = warm_start
        self.random_state = random_state
        self.verbose = verbose
        self._route(model__)

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train, from the beginning unless warm_start is set and it has been trained.

        Args:
            X: pictures (N, H, W, C) or (N, H, W), or their rows (N, H * W * C).
            y: labels (N,), numbers or words.
            sample_weight: (N,), factor on the loss of each sample.

        Raises ValueError for pictures, labels and parameters that do not fit.
        """
        begins = not (self.warm_start and hasattr(self, "model_"))
        x, y, weight = self._taken(X, y, sample_weight, begins)
        if begins:
            labels.several(np.unique(y if weight is None else y[weight != 0]), self._who)
            self._begin(np.unique(y))
        numbers = labels.numbered(y, self.classes_, self._who)
        callbacks = copy.deepcopy(self.callbacks)
        self._train(x, numbers, weight, self.epochs, self.validation_split, callbacks)
        return self

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """Train for one epoch on these samples, from where it is, without callbacks and validation.

        Args:
            X, y, sample_weight: see fit.
            classes: all labels that there will be, at the first call.

        Raises ValueError for labels that are none of the classes, and what fit raises.
        """
        begins = not hasattr(self, "model_")
        if begins and classes is None:
            raise ValueError(
                f"{self._who} expected classes at the first call of partial_fit, received None: "
                "give all labels that there will be, such as np.unique(y)"
            )
        if isinstance(self.class_weight, str):
            raise ValueError(
                f"{self._who} expected class_weight as {{label: factor}} in partial_fit, which "
                f"sees a part of the samples, received {self.class_weight!r}: compute the factors "
                "of all samples, by sklearn.utils.class_weight.compute_class_weight"
            )
        x, y, weight = self._taken(X, y, sample_weight, begins)
        known = self.classes_ if classes is None else np.unique(classes)
        if begins:
            self._begin(labels.several(known, self._who))
        elif not np.array_equal(known, self.classes_):
            raise ValueError(
                f"{self._who} expected the classes of the first call, "
                f"{labels.listed(self.classes_)}, received {labels.listed(known)}: leave classes "
                "out"
            )
        self._train(x, labels.numbered(y, self.classes_, self._who), weight, 1)
        return self

    def predict_proba(self, X: Any) -> Array:
        """The probability of every class (N, K), in the order of classes_.

        Raises NotFittedError before fit, ValueError for pictures that do not fit.
        """
        check_is_fitted(self, "model_")
        rows = pictures.rows(pictures.given(X, self._who), self.input_shape_, self._who)
        rows = validate_data(self, rows, **KEPT, reset=False)
        outputs = self.model_.predict(pictures.pictures(rows, self.input_shape_, self._who))
        return class_probabilities(outputs, self.model_.ends_in, self._who)

    def predict(self, X: Any) -> Array:
        """The most probable label of every picture (N,). Raises what predict_proba raises."""
        best = self.predict_proba(X).argmax(axis=1)
        return self.classes_[best]

    @property
    def _who(self) -> str:
        return type(self).__name__

    def _taken(
        self, X: Any, y: Any, sample_weight: Any, begins: bool
    ) -> tuple[Array, Array, Array | None]:
        """Pictures, their labels and weights, looked at."""
        X = pictures.given(X, self._who)
        shape = (
            pictures.shape_of(X, self.input_shape, self.model, self._who)
            if begins
            else self.input_shape_
        )
        labels.check_one_per_sample(y, self._who)
        rows = pictures.rows(X, shape, self._who)
        rows, y = validate_data(self, rows, y, **KEPT, reset=begins)
        check_classification_targets(y)
        weight = labels.weights(sample_weight, len(y), self._who)
        self.input_shape_ = shape
        return pictures.pictures(rows, shape, self._who), y, weight

    def _begin(self, classes: Array) -> None:
        """Make the model, ready to be trained."""
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        shape = self.input_shape_
        given = networks.begun(self.model, shape, len(classes), self._routed, self._who)
        model = networks.drawn(given, shape, seed, map(str, classes))
        networks.check_decides(model, len(classes), self._who)
        networks.compile_like(model, given, self.optimizer, self.learning_rate, self.loss)
        self.classes_, self.model_, self.history_ = classes, model, {}

    def _train(
        self,
        x: Array,
        numbers: Array,
        weight: Array | None,
        epochs: int,
        validation_split: float = 0.0,
        callbacks: Any = None,
    ) -> None:
        """Train on pictures of classes, given by their numbers, and note what was logged."""
        arrays: list[Any] = [x, labels.targets(numbers, self.model_), weight]
        factors = labels.factors(
            self.class_weight, self.classes_, self.classes_[numbers], self._who
        )
        held_out: tuple | None = None
        if number(validation_split, "validation_split", self._who, least=0, below=1):
            kept, held = train_test_split(
                np.arange(len(x)),
                test_size=validation_split,
                stratify=numbers,
                random_state=self.model_.seed,
            )
            held_out = tuple(part[held] for part in arrays if part is not None)
            arrays = [None if part is None else part[kept] for part in arrays]
        history = self.model_.fit(
            arrays[0],
            arrays[1],
            sample_weight=arrays[2],
            epochs=epochs,
            batch_size=self.batch_size,
            verbose=self.verbose,
            callbacks=callbacks,
            class_weight=factors,
            validation_data=held_out,
        )
        for name, values in history.history.items():
            self.history_.setdefault(name, []).extend(values)
