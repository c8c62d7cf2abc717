# SPDX-License-Identifier: Apache-2.0
"""What calls raise. Each is a HeddleError and also the built-in exception that programs expect of its kind."""


class HeddleError(RuntimeError):
    """Any failure that Heddle reports. The text names the thing, what was expected and what was found."""

    retry_after: "float | None" = None
    """Seconds after which a request that was refused may find room."""


class InvalidArgument(HeddleError, ValueError):
    """An input, a name or an option is wrong."""


class InvalidModel(HeddleError, ValueError):
    """The model file is broken or makes no sense."""


class NotFound(HeddleError, LookupError):
    """No such tensor, signature or file."""


class Unsupported(HeddleError, NotImplementedError):
    """Valid, but beyond this build."""


class FailedPrecondition(HeddleError):
    """A busy session, a closed model, a process forked during a call."""


class ResourceExhausted(HeddleError, MemoryError):
    """A memory or size limit."""


class DeadlineExceeded(HeddleError, TimeoutError):
    """The call's deadline has passed."""


class Cancelled(HeddleError):
    """The call's CancelToken was used."""


class InternalError(HeddleError):
    """A defect of Heddle."""


# By the number of heddle_code; the first is no error.
BY_CODE = (HeddleError, InvalidArgument, InvalidModel, NotFound, Unsupported, FailedPrecondition, ResourceExhausted,
           DeadlineExceeded, Cancelled, InternalError)
