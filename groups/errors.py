"""What can be wrong about groups."""

from __future__ import annotations

from kernel import errors


class GroupExists(errors.Conflict):
    """A living group of the tenant has that name."""

    code = "group_exists"
    default_message = "There is a group of this name already. Choose another one."


class TooManyGroups(errors.Conflict):
    """The tenant has as many groups as it may have."""

    code = "too_many_groups"
    default_message = "There are as many groups as one tenant may have. Remove one."


class GroupIsDynamic(errors.Conflict):
    """A query says who is in the group; nobody is put into it by name."""

    code = "group_is_dynamic"
    default_message = "The query of this group says who is in it. Change the query."


class GroupIsStatic(errors.Conflict):
    """The group has its devices by name; there is no query in it."""

    code = "group_is_static"
    default_message = "This group has its devices by name, so it has no query."


class InvalidQuery(errors.ValidationFailed):
    """The query cannot be meant; `details` maps the place of each wrong part to a sentence."""

    code = "invalid_query"
    status = 422
    default_message = "The query cannot be read."


class QueryTooSlow(errors.HomepotError):
    """The database was stopped after two seconds of looking for the devices of a query."""

    code = "query_too_slow"
    status = 422
    default_message = "This query takes too long. Narrow it, best by site, tag or model."
