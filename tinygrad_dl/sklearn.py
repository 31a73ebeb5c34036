"""Estimators for scikit-learn: `MLPClassifier` and `MLPRegressor`. Here, and only here, samples are rows.

They make a net with `nn.mlp`, train it with `fit`, and take the names of scikit-learn's own estimators for what they
share. `net_` is the net, whose samples are columns.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np

try:
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
    from sklearn.model_selection import train_test_split
    from sklearn.utils import check_random_state
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import check_is_fitted, validate_data
except ImportError:
    raise ImportError('tg.sklearn needs scikit-learn: pip install "tinygrad-dl[sklearn]"', name="sklearn") from None

from . import checks, nn
from ._guesses import refuse_arguments
from .core.modes import no_grad
from .optim import Optimizer
from .training import EarlyStopping, History, fit
from .training.words import OPTIMIZERS

__all__ = ["MLPClassifier", "MLPRegressor"]
_FLOATS = (np.float64, np.float32)


class _OnlyOwnSettings(BaseEstimator):
    """A base class that refuses settings with other names; apart, so that the signature is that of `__init__`."""

    def __new__(cls, *args: Any, **settings: Any) -> Self:
        refuse_arguments(cls.__name__, settings.keys() - set(cls._get_param_names()), "MLP")
        return super().__new__(cls)


class _MLP(_OnlyOwnSettings):
    """A net of dense layers, trained on rows: what the classifier and the regressor share."""

    net_: nn.Sequential
    optimizer_: Optimizer
    history_: History
    n_features_in_: int

    def __init__(
        self,
        hidden_layer_sizes: int | Sequence[int] = (100,),
        activation: str | Callable[[Any], Any] = "relu",
        *,
        solver: str | type[Optimizer] = "adam",
        alpha: float = 0.0001,
        batch_size: int = 200,
        learning_rate_init: float | Callable[[int], float] = 0.001,
        max_iter: int = 200,
        tol: float = 0.0001,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        random_state: int | np.random.RandomState | None = None,
        verbose: bool = False,
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate_init = learning_rate_init
        self.max_iter = max_iter
        self.tol = tol
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.random_state = random_state
        self.verbose = verbose

    def _fit(self, X: np.ndarray, y: np.ndarray, outputs: int) -> None:
        """Train a new net with a number of outputs."""
        kind = type(self).__name__
        epochs = checks.whole_number(kind, "max_iter", self.max_iter)
        patience = checks.whole_number(kind, "n_iter_no_change", self.n_iter_no_change)
        monitor = "validation_loss" if self.early_stopping else "loss"
        settings: dict[str, Any] = {"callbacks": [EarlyStopping(patience, monitor=monitor, least=self.tol)]}
        rng = self._generator()
        net = self._new_net(X, outputs, rng)
        optimizer = self._new_optimizer(net)
        if self.early_stopping:
            X, y, *validation = self._split(X, y, rng)
            settings["validation"] = _columns(*validation)
        history = self._train(net, optimizer, X, y, rng, epochs, **settings)
        self.net_, self.optimizer_, self.history_, self._rng = net, optimizer, history, rng

    def _partial_fit(self, X: np.ndarray, y: np.ndarray, outputs: int) -> Self:
        """Train for one more epoch, the first time with a new net."""
        if not hasattr(self, "net_"):
            rng = self._generator()
            net = self._new_net(X, outputs, rng)
            optimizer, history = self._new_optimizer(net), History()
        else:
            net, optimizer, history, rng = self.net_, self.optimizer_, self.history_, self._rng
        epoch = self._train(net, optimizer, X, y, rng, 1)
        history.record({"loss": epoch.loss[-1]})
        self.net_, self.optimizer_, self.history_, self._rng = net, optimizer, history, rng
        return self

    def _train(
        self,
        net: nn.Sequential,
        optimizer: Optimizer,
        X: np.ndarray,
        y: np.ndarray,
        rng: np.random.Generator,
        epochs: int,
        **settings: Any,
    ) -> History:
        def cost(Z: Any, Y: Any) -> Any:
            return self._loss(Z, Y) + nn.l2(net, self.alpha, Y.shape[-1])

        return fit(
            net,
            *_columns(X, y),
            loss=cost,
            optimizer=optimizer,
            epochs=epochs,
            batch_size=self.batch_size,
            rng=rng,
            progress=self.verbose,
            **settings,
        )

    def _loss(self, Z: Any, Y: Any) -> Any:
        """The loss of the outputs Z (k, m)."""
        raise NotImplementedError

    def _split(self, X: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        """Set samples apart: X and y for training, then X and y for validation."""
        share = checks.fraction(type(self).__name__, "validation_fraction", self.validation_fraction)
        stratify = y if isinstance(self, ClassifierMixin) else None
        parts = train_test_split(X, y, test_size=share, random_state=int(rng.integers(2**31)), stratify=stratify)
        return parts[0], parts[2], parts[1], parts[3]

    def _new_net(self, X: np.ndarray, outputs: int, rng: np.random.Generator) -> nn.Sequential:
        sizes = [X.shape[1], *np.atleast_1d(self.hidden_layer_sizes), outputs]
        return nn.mlp(sizes, hidden=self.activation, rng=rng, dtype=X.dtype)

    def _new_optimizer(self, net: nn.Sequential) -> Optimizer:
        kind = OPTIMIZERS.get(self.solver) if isinstance(self.solver, str) else self.solver
        if not (isinstance(kind, type) and issubclass(kind, Optimizer)):
            words = ", ".join(map(repr, OPTIMIZERS))
            raise ValueError(f"expected solver= one of {words}, or a class of tg.optim, got {self.solver!r:.80}.")
        return kind(net.parameters(), self.learning_rate_init)

    def _generator(self) -> np.random.Generator:
        """A generator from `random_state`: None takes a seed from NumPy's global state, as scikit-learn does."""
        return np.random.default_rng(check_random_state(self.random_state).randint(2**31))

    def _outputs(self, X: Any) -> np.ndarray:
        """The outputs of the net in evaluation mode for samples in rows, (m, k)."""
        check_is_fitted(self, "net_")
        X = validate_data(self, X, dtype=self._dtype, reset=False)
        with no_grad():
            outputs: np.ndarray = self.net_(X.T).numpy().T
        return outputs

    @property
    def _dtype(self) -> Any:
        return self.net_.parameters()[0].dtype

    @property
    def n_iter_(self) -> int:
        """The number of epochs."""
        check_is_fitted(self, "net_")
        return len(self.history_.loss)

    @property
    def loss_curve_(self) -> list[float]:
        """The loss of each epoch."""
        check_is_fitted(self, "net_")
        return self.history_.loss


class MLPClassifier(ClassifierMixin, _MLP):
    """A net that classifies rows: dense layers with a sigmoid for two classes, and a softmax for more.

    It minimises the cross-entropy plus λ/2m Σ‖W‖² with `tg.fit`, and stops when the loss has not improved by `tol`
    for `n_iter_no_change` epochs; the parameters of the best epoch are kept.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int
        The numbers of hidden units.
    activation : str or function
        The activation of the hidden layers, or its name in `tg.nn`.
    solver : str or class
        "adam", "rmsprop", "momentum", "sgd", or a class of `tg.optim`.
    alpha : float
        The strength λ of the L2 term.
    batch_size : int
        The number of samples in a minibatch.
    learning_rate_init : float or function
        The learning rate, or a schedule of `tg.optim.schedules`.
    max_iter : int
        The largest number of epochs.
    tol : float
        The least change of the loss that counts as an improvement.
    early_stopping : bool
        Watch the loss of samples that are set apart, instead of the training loss.
    validation_fraction : float
        The share of samples to set apart for `early_stopping`.
    n_iter_no_change : int
        The number of epochs without improvement to wait for.
    random_state : int, numpy.random.RandomState or None
        The seed of weights, minibatches and validation samples.
    verbose : bool
        Show a progress bar if tqdm is installed.

    Attributes
    ----------
    net_ : Sequential
        The trained net: inputs (n, m), outputs (1, m) or (k, m), before the sigmoid or softmax. Samples are columns.
    history_ : History
        The losses of each epoch.
    classes_ : array
        The classes, in the order of the columns of `predict_proba`.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.model_selection import cross_val_score
    >>> X, y = load_iris(return_X_y=True)
    >>> classifier = MLPClassifier(10, "tanh", learning_rate_init=0.03, batch_size=30, max_iter=50, random_state=0)
    >>> cross_val_score(classifier, X, y).mean() > 0.95
    np.True_
    """

    classes_: np.ndarray

    def fit(self, X: Any, y: Any) -> Self:
        """Train a new net.

        Parameters
        ----------
        X : array
            Samples, (m, n).
        y : array
            Labels of any type, (m,).

        Returns
        -------
        MLPClassifier
            The estimator.

        Raises
        ------
        ValueError
            If the data or a setting do not fit, or there is a single class.
        """
        new = copy.copy(self)  # an error changes nothing
        X, y = validate_data(new, X, y, dtype=_FLOATS)
        check_classification_targets(y)
        new.classes_, labels = np.unique(y, return_inverse=True)
        _check_several(new.classes_)
        new._fit(X, *_labels(labels, len(new.classes_)))
        self.__dict__ = new.__dict__
        return self

    def partial_fit(self, X: Any, y: Any, classes: Any = None) -> Self:
        """Train for one more epoch, on these samples.

        Parameters
        ----------
        X : array
            Samples, (m, n).
        y : array
            Labels, (m,), of which some classes may be absent.
        classes : array, optional
            All classes. The first call needs them.

        Returns
        -------
        MLPClassifier
            The estimator.

        Raises
        ------
        ValueError
            If the first call has no `classes`, or a single one, or a label is none of them.
        """
        first = not hasattr(self, "net_")
        if first and classes is None:
            raise ValueError(
                "MLPClassifier: the first call of partial_fit needs all classes: pass classes=np.unique(y)."
            )
        known = np.unique(classes) if first else self.classes_
        _check_several(known)
        if classes is not None and not np.array_equal(np.unique(classes), known):
            raise ValueError(f"MLPClassifier: expected the classes of the first call, {known}, got {classes!r:.80}.")
        X, y = validate_data(self, X, y, dtype=_FLOATS if first else self._dtype, reset=first)
        if not np.all(np.isin(y, known)):
            raise ValueError(f"MLPClassifier: expected labels among {known}, got {np.setdiff1d(y, known)}.")
        self._partial_fit(X, *_labels(np.searchsorted(known, y), len(known)))
        self.classes_ = known
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """Compute the probability of each class.

        Parameters
        ----------
        X : array
            Samples, (m, n).

        Returns
        -------
        array
            Probabilities, (m, classes); each row sums to 1.
        """
        Z = self._outputs(X)
        if Z.shape[1] > 1:
            return nn.activations.softmax(Z, axis=1)
        return nn.activations.softmax(np.hstack([np.zeros_like(Z), Z]), axis=1)  # 1 - sigmoid(Z) and sigmoid(Z)

    def predict(self, X: Any) -> np.ndarray:
        """Predict the most probable class.

        Parameters
        ----------
        X : array
            Samples, (m, n).

        Returns
        -------
        array
            Labels, (m,).
        """
        probabilities = self.predict_proba(X)
        return self.classes_[np.argmax(probabilities, axis=1)]

    def _loss(self, Z: Any, Y: Any) -> Any:
        return (nn.binary_cross_entropy_with_logits if Z.shape[0] == 1 else nn.softmax_cross_entropy)(Z, Y)


class MLPRegressor(RegressorMixin, _MLP):
    """A net that predicts numbers from rows: dense layers, the last one without an activation.

    It minimises half the squared error plus λ/2m Σ‖W‖² with `tg.fit`, and stops as `MLPClassifier` does.

    Parameters
    ----------
    hidden_layer_sizes, activation, solver, alpha, batch_size, learning_rate_init, max_iter, tol, early_stopping
        See `MLPClassifier`.
    validation_fraction, n_iter_no_change, random_state, verbose
        See `MLPClassifier`.

    Attributes
    ----------
    net_ : Sequential
        The trained net: inputs (n, m), outputs (k, m). Samples are columns.
    history_ : History
        The losses of each epoch.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = rng.uniform(-3, 3, (200, 1))
    >>> regressor = MLPRegressor(20, "tanh", learning_rate_init=0.02, batch_size=20, random_state=0)
    >>> regressor.fit(X, np.sin(X[:, 0])).score(X, np.sin(X[:, 0])) > 0.99
    True
    """

    def fit(self, X: Any, y: Any) -> Self:
        """Train a new net.

        Parameters
        ----------
        X : array
            Samples, (m, n).
        y : array
            Targets, (m,) or (m, k).

        Returns
        -------
        MLPRegressor
            The estimator.

        Raises
        ------
        ValueError
            If the data or a setting do not fit.
        """
        new = copy.copy(self)  # an error changes nothing
        X, y = validate_data(new, X, y, dtype=_FLOATS, y_numeric=True, multi_output=True)
        new._fit(X, *_targets(X, y))
        self.__dict__ = new.__dict__
        return self

    def partial_fit(self, X: Any, y: Any) -> Self:
        """Train for one more epoch, on these samples.

        Parameters
        ----------
        X : array
            Samples, (m, n).
        y : array
            Targets, (m,) or (m, k).

        Returns
        -------
        MLPRegressor
            The estimator.
        """
        first = not hasattr(self, "net_")
        dtype = _FLOATS if first else self._dtype
        X, y = validate_data(self, X, y, dtype=dtype, y_numeric=True, multi_output=True, reset=first)
        return self._partial_fit(X, *_targets(X, y))

    def predict(self, X: Any) -> np.ndarray:
        """Predict the targets.

        Parameters
        ----------
        X : array
            Samples, (m, n).

        Returns
        -------
        array
            Predictions, (m,) or (m, k), like the targets.
        """
        outputs = self._outputs(X)
        return outputs[:, 0] if outputs.shape[1] == 1 else outputs

    def _loss(self, Z: Any, Y: Any) -> Any:
        return nn.mean_squared_error(Z, Y) / 2

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


def _columns(X: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Samples in columns, with labels (m,) or targets (k, m)."""
    return np.ascontiguousarray(X.T), np.ascontiguousarray(y.T)


def _check_several(classes: np.ndarray) -> None:
    """Raise ValueError for a single class."""
    if len(classes) < 2:
        raise ValueError(f"MLPClassifier: expected at least two classes, got one class: {classes.tolist()}.")


def _labels(y: np.ndarray, classes: int) -> tuple[np.ndarray, int]:
    """Labels for a net, and the number of its outputs: (m, 1) and 1 for two classes, else (m,) and one for each."""
    return (y.reshape(-1, 1), 1) if classes == 2 else (y, classes)


def _targets(X: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, int]:
    """Targets (m, k) of the type of X, and the number k of outputs."""
    y = y.reshape(len(y), -1).astype(X.dtype)
    return y, y.shape[1]
