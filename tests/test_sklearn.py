"""`MLPClassifier` and `MLPRegressor` keep scikit-learn's own laws, and descend as its own estimators do."""

import importlib
import pickle
import sys

import numpy as np
import pytest

import tinygrad_dl as tg

pytest.importorskip("sklearn")
from sklearn import neural_network
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

ESTIMATORS = ["MLPClassifier", "MLPRegressor"]


def made(name, **settings):
    return getattr(tg.sklearn, name)(**{"hidden_layer_sizes": (5,), "max_iter": 4, "random_state": 0} | settings)


def samples(name, seed=0, classes=3, dtype=np.float64):
    """X (40, 3), and labels of `classes` classes or two targets."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(40, 3)).astype(dtype)
    return (X, rng.permutation(40) % classes) if name == "MLPClassifier" else (X, rng.normal(size=(40, 2)))


def weights(net):
    """W and b of each layer, as scikit-learn has them: for rows."""
    parameters = [p.numpy() for p in net.parameters()]
    return [W.T for W in parameters[::2]], [b[:, 0] for b in parameters[1::2]]


@parametrize_with_checks([tg.sklearn.MLPClassifier(), tg.sklearn.MLPRegressor()])
def test_scikit_learns_own_checks_pass(estimator, check):
    check(estimator)


@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize(("name", "classes"), [("MLPClassifier", 2), ("MLPClassifier", 3), ("MLPRegressor", None)])
def test_a_step_is_that_of_scikit_learns_own_estimator_from_the_same_weights(name, classes, activation):
    X, y = samples(name, classes=classes)
    first = {"classes": np.unique(y)} if name == "MLPClassifier" else {}
    settings = {"solver": "sgd", "learning_rate_init": 0.3, "alpha": 2.0, "batch_size": 40, "activation": activation}
    ours = made(name, **settings).partial_fit(X, y, **first)
    theirs = getattr(neural_network, name)(hidden_layer_sizes=(5,), **settings, momentum=0, random_state=1).partial_fit(
        X, y, **first
    )
    theirs.coefs_, theirs.intercepts_ = weights(ours.net_)
    ours.partial_fit(X, y)
    theirs.partial_fit(X, y)
    for given, expected in zip(weights(ours.net_), (theirs.coefs_, theirs.intercepts_), strict=True):
        for mine, other in zip(given, expected, strict=True):
            np.testing.assert_allclose(mine, other, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-9)
    if name == "MLPClassifier":
        assert ours.loss_curve_[-1] == pytest.approx(theirs.loss_curve_[-1])
        np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), rtol=1e-9)


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize("settings", [{}, {"early_stopping": True}])
def test_a_seed_decides_every_number(name, settings):
    X, y = samples(name)
    a, b, other = (made(name, random_state=seed, batch_size=8, **settings).fit(X, y) for seed in (1, 1, 2))
    assert a.history_ == b.history_ != other.history_
    assert np.array_equal(a.predict(X), b.predict(X))


@pytest.mark.parametrize("name", ESTIMATORS)
def test_an_epoch_more_on_a_loaded_copy_is_one_on_the_original(name):
    X, y = samples(name)
    original = made(name, batch_size=8).fit(X, y)
    copy = pickle.loads(pickle.dumps(original))
    for estimator in (original, copy):
        estimator.partial_fit(X, y)
    assert copy.history_ == original.history_
    assert copy.n_iter_ == 5
    assert np.array_equal(copy.predict(X), original.predict(X))


def test_joblib_keeps_an_estimator(tmp_path):
    joblib = pytest.importorskip("joblib")
    X, y = samples("MLPClassifier")
    classifier = made("MLPClassifier").fit(X, y)
    joblib.dump(classifier, tmp_path / "net.joblib")
    loaded = joblib.load(tmp_path / "net.joblib")
    assert np.array_equal(loaded.predict_proba(X), classifier.predict_proba(X))
    assert clone(loaded).get_params() == classifier.get_params()


def test_early_stopping_watches_samples_set_apart_and_keeps_the_best_epoch():
    X, y = samples("MLPClassifier")  # of noise, which one can only learn by heart
    settings = {"early_stopping": True, "validation_fraction": 0.4, "n_iter_no_change": 3, "learning_rate_init": 0.1}
    stopped = made("MLPClassifier", max_iter=300, **settings).fit(X, y)
    losses = stopped.history_["validation_loss"]
    best = int(np.argmin(losses))
    assert len(losses) == best + 1 + 3 < 300
    at_best = made("MLPClassifier", max_iter=best + 1, **settings).fit(X, y)
    assert np.array_equal(at_best.predict_proba(X), stopped.predict_proba(X))


def test_samples_set_apart_have_the_shares_of_the_classes():
    X, _ = samples("MLPClassifier")
    with pytest.raises(ValueError, match="least populated class"):  # which can't be on both sides
        made("MLPClassifier", early_stopping=True).fit(X, np.arange(40) == 0)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_training_stops_when_the_loss_no_longer_falls_by_tol(name):
    X, y = samples(name)
    assert made(name, max_iter=50, tol=100.0, n_iter_no_change=6).fit(X, y).n_iter_ == 1 + 6


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_type_of_the_samples_is_that_of_the_net(name, dtype):
    X, y = samples(name, dtype=dtype)
    estimator = made(name).fit(X, y)
    assert {p.dtype for p in estimator.net_.parameters()} == {np.dtype(dtype)}
    predict = estimator.predict_proba if name == "MLPClassifier" else estimator.predict
    assert predict(X).dtype == predict(X.astype(float)).dtype == dtype


def test_a_search_over_a_pipeline_finds_settings_that_generalise():
    X, y = load_breast_cancer(return_X_y=True)
    classifier = tg.sklearn.MLPClassifier(max_iter=10, random_state=0, batch_size=64)
    grid = {"mlpclassifier__hidden_layer_sizes": [(4,), (8, 4)], "mlpclassifier__learning_rate_init": [1e-9, 0.02]}
    search = GridSearchCV(make_pipeline(StandardScaler(), classifier), grid, cv=3).fit(X, y)
    assert search.best_params_["mlpclassifier__learning_rate_init"] == 0.02
    assert search.best_score_ > 0.95


def test_labels_of_any_type_come_back_and_cross_validation_scores_them():
    X, y = load_iris(return_X_y=True)
    names = np.array(["setosa", "versicolor", "virginica"])[y]
    classifier = tg.sklearn.MLPClassifier(
        10, "tanh", solver=tg.optim.Adam, learning_rate_init=0.03, batch_size=30, max_iter=25, random_state=0
    )
    assert cross_val_score(classifier, X, names, cv=3).min() > 0.9
    assert {*classifier.fit(X, names).predict(X)} == {*names}


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"solver": "lbfgs"}, r"expected solver= one of 'adam', .*, or a class of tg\.optim, got 'lbfgs'"),
        ({"solver": 3}, "expected solver= one of"),
        ({"activation": "logistic"}, "expected an activation, such as 'identity', 'sigmoid', .*got 'logistic'"),
        ({"hidden_layer_sizes": 2.5}, "expected n_out to be a whole number of at least 1"),
        ({"max_iter": 0}, "expected max_iter to be a whole number of at least 1, got 0"),
        ({"n_iter_no_change": 1.5}, "expected n_iter_no_change to be a whole number"),
        ({"early_stopping": True, "validation_fraction": 1}, "expected 0 <= validation_fraction < 1, got 1"),
        ({"learning_rate_init": -1}, "expected a learning rate above 0, got -1"),
        ({"alpha": -1}, "expected a strength of 0 or more, got -1"),
    ],
)
def test_a_wrong_setting_is_an_error_and_leaves_the_old_net(name, setting, message):
    X, y = samples(name)
    estimator = made(name).fit(X, y)
    before = estimator.predict(X)
    with pytest.raises((TypeError, ValueError), match=message):
        estimator.set_params(**setting).fit(np.hstack([X, X]), y)
    assert np.array_equal(estimator.predict(X), before)  # of the features of the first fit


def test_partial_fit_needs_the_classes_once_and_refuses_others():
    X, y = samples("MLPClassifier")
    classifier = made("MLPClassifier")
    with pytest.raises(ValueError, match=r"needs all classes: pass classes=np\.unique"):
        classifier.partial_fit(X, y)
    with pytest.raises(ValueError, match=r"expected at least two classes, got one class: \[1\]"):
        classifier.partial_fit(X, y, classes=[1])
    with pytest.raises(ValueError, match=r"expected labels among \[0 1\], got \[2\]"):
        classifier.partial_fit(X, y, classes=[0, 1])
    classifier.partial_fit(X[y == 1], y[y == 1], classes=[0, 1, 2]).partial_fit(X, y)
    assert classifier.predict_proba(X).shape == (40, 3)
    with pytest.raises(ValueError, match="expected the classes of the first call"):
        classifier.partial_fit(X, y, classes=[0, 1])


def test_without_scikit_learn_the_error_names_what_to_install(monkeypatch):
    monkeypatch.delitem(sys.modules, "tinygrad_dl.sklearn")
    monkeypatch.delattr(tg, "sklearn")
    monkeypatch.setitem(sys.modules, "sklearn", None)
    monkeypatch.setitem(sys.modules, "sklearn.base", None)
    with pytest.raises(ImportError, match=r'pip install "tinygrad-dl\[sklearn\]"'):
        importlib.import_module("tinygrad_dl.sklearn")
    with pytest.raises(ImportError, match=r'pip install "tinygrad-dl\[sklearn\]"'):
        _ = tg.sklearn
