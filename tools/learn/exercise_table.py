"""The exercises: which function of the library is to be written, a hint, and the tests that judge it."""

from pathlib import Path
from typing import NamedTuple

NEURON, NETWORK = "tests/scratch/test_linear_neuron.py::test_", "tests/scratch/test_network.py::test_"
ACCURACY, CALIBRATION = (f"tests/evaluation/test_{name}.py::test_" for name in ("evaluation", "calibration"))
SPLITS = "tests/drivers/test_splits.py::test_"


class Exercise(NamedTuple):
    """A function to write: its module, its name, what it is, a hint, and the real one's tests."""

    module: str
    function: str
    about: str
    hint: str
    tests: tuple[str, ...]

    @property
    def source(self) -> Path:
        return Path(*self.module.split(".")).with_suffix(".py")


def of(module: str, function: str, about: str, hint: str, prefix: str, *tests: str) -> Exercise:
    return Exercise(f"ladder.{module}", function, about, hint, tuple(prefix + test for test in tests))


EXERCISES = (
    of(
        "scratch.neuron",
        "loss_and_gradient",
        "the neuron's loss and its gradient",
        "Name the error w x + b - y first. All three results are means over it. The formulas are at the top.",
        NEURON,
        "gradient_equals_central_differences",
        "history_is_the_path_in_raw_units",
    ),
    of(
        "scratch.neuron",
        "gradient_descent",
        "the steps of gradient descent",
        "Refuse a bad learning rate with an InputError first; `curvatures` gives lambda_max last. Then loop: "
        "note loss, weight and bias, then step against both slopes. The result has epochs + 1 rows. "
        "The test that fails says the words of the error.",
        NEURON,
        "each_epoch_contracts_the_error_by_the_analytic_factor",
        "history_is_the_path_in_raw_units",
        "learning_rate_past_the_limit_is_refused_in_one_line",
    ),
    of(
        "scratch.network",
        "sigmoid",
        "the sigmoid, without overflow",
        "e^-z overflows for z far below 0. Start from tanh(y) = (e^y - e^-y) / (e^y + e^-y) with y = z / 2.",
        NETWORK,
        "sigmoid_is_its_formula_and_cannot_overflow",
        "everything_has_the_type_of_network_and_inputs",
    ),
    of(
        "scratch.network",
        "log_softmax",
        "the logarithm of the softmax",
        "Take the logarithm of p_k on paper first: the quotient becomes a difference. keepdims=True keeps a "
        "row's largest z and its sum as columns, so that they can be subtracted.",
        NETWORK,
        "log_softmax_and_loss_equal_other_libraries",
        "certain_and_wrong_costs_what_the_logits_say",
    ),
    of(
        "scratch.network",
        "loss",
        "the cross-entropy",
        "Pick one number of each row: an array can be indexed by two arrays, rows and columns.",
        NETWORK,
        "log_softmax_and_loss_equal_other_libraries",
        "certain_and_wrong_costs_what_the_logits_say",
    ),
    of(
        "scratch.network",
        "forward",
        "the forward pass of the network",
        "Every layer but the last ends in `sigmoid`, the last one in `log_softmax`. Keep all activations.",
        NETWORK,
        "everything_has_the_type_of_network_and_inputs",
        "forward_loss_and_gradient_equal_keras",
    ),
    of(
        "scratch.network",
        "gradient",
        "the backward pass, with the sigmoid's derivative",
        "Go from the last layer to the first. The sigmoid's derivative is a * (1 - a), of its output a, so "
        "the z of a layer is not needed. A row of np.eye is a label in one-hot form. Keep log_p's dtype.",
        NETWORK,
        "gradient_equals_central_differences",
        "no_function_changes_its_arguments",
        "everything_has_the_type_of_network_and_inputs",
    ),
    of(
        "scratch.gradient_check",
        "gradient_error",
        "the check of a gradient by central differences",
        "Copy the network in float64. np.ndindex gives every place of an array: move that number up and down "
        "by `step`, ask `loss` both times, and put it back. The docstring says which error to return.",
        NETWORK,
        "gradient_equals_central_differences",
        "gradient_check_sees_a_wrong_slope",
    ),
    of(
        "scratch.network",
        "sgd",
        "a step of SGD with momentum",
        "Make new arrays: whoever calls still owns the old ones. The weights move by the new velocity.",
        NETWORK,
        "no_function_changes_its_arguments",
        "everything_has_the_type_of_network_and_inputs",
        "sgd_equals_keras_step_by_step",
    ),
    of(
        "scratch.network",
        "init",
        "Glorot's initialisation",
        "`pairwise` gives the number of inputs and outputs of each layer; rng.uniform draws.",
        NETWORK,
        "start_is_glorot_uniform_and_its_stream_alone_decides_it",
        "everything_has_the_type_of_network_and_inputs",
    ),
    of(
        "evaluation.accuracy",
        "wilson_interval",
        "the Wilson interval of an accuracy",
        "Let p = correct / n, and z the 97.5 % point of the normal distribution (norm.ppf). The ends are "
        "(p + z²/2n ± z √(p(1 - p)/n + z²/4n²)) / (1 + z²/n), held within 0 and 1 against rounding.",
        ACCURACY,
        "the_interval_is_wilsons",
        "the_interval_of_a_textbook_example",
    ),
    of(
        "evaluation.calibration",
        "reliability",
        "confidence and accuracy, bin by bin",
        "The confidence of an answer is its largest probability. Number the bins from 0 to BINS - 1, a "
        "confidence of 1 falls into the last. np.bincount counts items, and sums `weights`, bin by bin.",
        CALIBRATION,
        "the_expected_error_of_an_example_by_hand",
        "there_are_fifteen_bins_of_equal_width",
        "full_confidence_falls_into_the_last_bin",
        "scaling_lowers_loss_and_calibration_error_and_keeps_every_answer",
    ),
    of(
        "evaluation.calibration",
        "scaled",
        "probabilities divided by a temperature",
        "A logarithm of the probabilities serves as logits; a constant for a whole row falls out of the "
        "softmax. Keep the logarithm from 0: the smallest float32 is np.finfo(np.float32).tiny.",
        CALIBRATION,
        "a_temperature_of_one_changes_nothing_and_certainty_stays_finite",
        "scaling_lowers_loss_and_calibration_error_and_keeps_every_answer",
        "the_temperature_is_found_again",
    ),
    of(
        "evaluation.calibration",
        "fit_temperature",
        "the temperature that validation chooses",
        "Write a function of log T: the mean cross-entropy times the number of items, plus "
        "(log T / PRIOR_DEVIATION)² / 2. `minimize_scalar` finds where it is least.",
        CALIBRATION,
        "the_temperature_is_found_again",
        "a_single_mistake_decides_little",
        "scaling_agrees_with_scikit_learn_where_items_abound",
        "a_temperature_of_one_changes_nothing_and_certainty_stays_finite",
    ),
    of(
        "drivers.splits",
        "split_by_image",
        "a random split, stratified by class",
        "`_check_shares` comes first, `_check_every_class_everywhere` last. A class of fewer than 3 images "
        "is an InputError. Sort rows by path. `train_test_split` with `stratify` takes the test rows, and "
        "then the validation rows; its ValueError becomes an InputError. The test that fails says its words.",
        SPLITS,
        "by_image_the_counts_are_exact",
        "by_image_every_class_has_its_share_of_each_split",
        "the_order_of_the_rows_makes_no_difference",
        "by_image_a_class_that_is_too_small_is_named",
        "by_image_shares_too_small_for_every_class_are_refused",
    ),
    of(
        "drivers.splits",
        "fold_by_driver",
        "folds by driver",
        "Count each driver's images. Give the drivers to folds, the largest first, each to the fold with the "
        "fewest images so far; a `stream` draws the order of equal ones. In each fold, `_deal` chooses who "
        "of the other drivers validates. The test that fails says the words of the error.",
        SPLITS,
        "each_driver_is_tested_in_one_fold_and_folds_are_about_equal",
        "folds_depend_on_the_seed_and_not_on_the_order_of_rows",
        "more_folds_than_drivers_are_refused",
    ),
)
