"""Owns how logs look: one structured line per event, JSON for machines, columns for people.

Library loggers (procrastinate, uvicorn, httpx) pass through the same formatter, so that a log
collector sees one shape.
"""

import logging
import sys

import structlog

from worker.settings import Settings, unknown_variables

_SHARED: list[structlog.typing.Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def configure_logging(settings: Settings, program: str) -> None:
    """Send all logs of this process to stderr in the format that the settings name."""
    as_console = settings.log_format == "console" or (
        settings.log_format == "auto" and sys.stderr.isatty()
    )
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer(pad_event_to=24)
        if as_console
        else structlog.processors.JSONRenderer()
    )
    formatting = (structlog.processors.format_exc_info, renderer)
    # Ours do not pass through the standard library, which would take as long as the rest together:
    # there is a line a picture and a line a request.
    structlog.configure(
        processors=[*_SHARED, *formatting],
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        wrapper_class=structlog.make_filtering_bound_logger(settings.log_level.upper()),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(_is_news)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=_SHARED,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *formatting,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level.upper())
    # Each of these logs a line per job or per request; ours says the same once, with the figures.
    for chatty in ("procrastinate", "httpx", "httpcore"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, root.level))
    # These warn of each try to reach a server that is away, and of queries that a stopping program
    # cancels; ours says that it is away (worker.presence, and whoever asked the store).
    for anxious in ("urllib3", "psycopg"):
        logging.getLogger(anxious).setLevel(max(logging.ERROR, root.level))
    structlog.contextvars.bind_contextvars(program=program)


def is_absence(error: BaseException | None) -> bool:
    """Whether an error came of a database that is not there, and not of what it said."""
    # Here, since a command that needs no database does without.
    import psycopg

    while error is not None:
        if isinstance(error, psycopg.OperationalError):
            # Class 57P: the server shuts down or comes up. Class 08: the connection broke.
            return error.sqlstate is None or error.sqlstate.startswith(("08", "57P"))
        error = error.__cause__ or error.__context__
    return False


def _is_news(record: logging.LogRecord) -> bool:
    """Leave out tracebacks of the queue library's parts that lost the database: it is said once."""
    if not record.name.startswith("procrastinate") or not record.exc_info:
        return True
    return not is_absence(record.exc_info[1])


def warn_of_unknown_variables() -> None:
    """Say in one line which LIKENESS_* variables are no settings, and what may be meant."""
    unknown = unknown_variables()
    if unknown:
        meant = "; ".join(
            f"{n}: did you mean {near}?" if near else n for n, near in unknown.items()
        )
        get_logger().warning("variables that no setting knows", variables=meant)


def get_logger() -> structlog.typing.FilteringBoundLogger:
    """A logger of structlog; its lines look like those of the standard library's loggers."""
    logger: structlog.typing.FilteringBoundLogger = structlog.get_logger()
    return logger
