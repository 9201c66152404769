"""Groups of devices: the list, making one, who is in it and why."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from groups import definitions
from groups.query import to_text
from groups.services import grouping, members
from groups.types import GroupChanges, MembersEdit
from kernel import errors
from kernel.pages.access import signed_in
from kernel.pages.refusals import posted, sentence_of, show_refusal
from ops import groupings, query_builder, query_rows, selectors
from ops.query_builder import Draft
from ops.views.tenants import in_tenant


@require_safe
@signed_in
@in_tenant
def groups(request: HttpRequest) -> HttpResponse:
    """The groups of the viewer's tenants."""
    streams = selectors.streams(actor=request.actor)
    context = {
        "streams": json.dumps(streams),
        "groups": groupings.group_rows(actor=request.actor),
        "has_owners": len(request.actor.roles) > 1,
        "may_make": groupings.may_make(request.actor),
    }
    return render(request, "ops/groups.html", context)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
@in_tenant
def new_group(request: HttpRequest) -> HttpResponse:
    """Ask for a name and a query, and show what it finds; on POST make the group."""
    groupings.require_maker(actor=request.actor)
    asked = {"query": request.GET.get("query", ""), "kind": request.GET.get("kind", "")}
    data, draft = _followed(request)
    form = groupings.GroupForm(data, initial=asked)
    status = 200
    if request.POST.get("do") == "save":
        status = 400
        _require_whole(form, draft)
        if form.is_valid():
            try:
                made = _make(request, form)
            except errors.HomepotError as error:
                status = _show(form, error)
            else:
                return redirect("ops:group", uid=made)
    return _form(request, "ops/new_group.html", form, draft, {}, status=status)


@never_cache
@require_safe
@signed_in
def group(request: HttpRequest, uid: str) -> HttpResponse:
    """Who is in a group now, why one device is or is not, and who came and went."""
    return _page(request, uid)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
@in_tenant
def edit_group(request: HttpRequest, uid: str) -> HttpResponse:
    """Ask what a group is to be; on POST change it, if nobody was faster."""
    row = groupings.require_changer(actor=request.actor, uid=uid)
    kind = "dynamic" if row.is_dynamic else "static"
    asked = {"name": row.name, "description": row.description, "query": row.query, "kind": kind}
    data, draft = _followed(request)
    form = groupings.GroupForm(None if data is None else {**data, "kind": kind}, initial=asked)
    status = 200
    if data is not None and data.get("do") == "save":
        status = 400
        _require_whole(form, draft)
        if form.is_valid():
            given = form.cleaned_data
            changes = GroupChanges(
                name=given["name"],
                description=given["description"],
                query=given["query"] if row.is_dynamic else None,
            )
            try:
                grouping.update_group(
                    group_uid=uid,
                    changes=changes,
                    if_match=data.get("etag") or None,
                    actor=request.actor,
                    now=timezone.now(),
                )
            except errors.HomepotError as error:
                status = _show(form, error)
            else:
                return redirect("ops:group", uid=uid)
    return _form(request, "ops/edit_group.html", form, draft, {"group": row}, status=status)


@require_POST
@signed_in
def change_members(request: HttpRequest, uid: str) -> HttpResponse:
    """Put devices into a group by name, or take them out."""
    groupings.require_member_editor(actor=request.actor, uid=uid)
    add = request.POST.get("add", "").replace(",", " ").split()
    edit = MembersEdit(add=add, remove=request.POST.getlist("remove"))
    try:
        changed = members.change_members(
            group_uid=uid, edit=edit, actor=request.actor, now=timezone.now()
        )
    except (errors.NotFound, errors.PermissionDenied):
        raise
    except errors.HomepotError as error:
        return _page(request, uid, refused=sentence_of(error), status=error.status)
    if changed.unknown:
        unknown = f"Not found: {', '.join(changed.unknown)}. The others are in."
        return _page(request, uid, refused=unknown, status=400)
    return redirect("ops:group", uid=uid)


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def remove_group(request: HttpRequest, uid: str) -> HttpResponse:
    """Ask whether the group is to go; on POST take it away. Its devices stay."""
    row = groupings.require_changer(actor=request.actor, uid=uid)
    if request.method == "POST":
        grouping.delete_group(group_uid=uid, actor=request.actor, now=timezone.now())
        return redirect("ops:groups")
    return render(request, "ops/remove_group.html", {"group": row})


def _make(request: HttpRequest, form: groupings.GroupForm) -> str:
    given = form.cleaned_data
    make: Callable[..., Any] = grouping.create_static
    more: dict[str, Any] = {}
    if form.is_dynamic:
        make = grouping.create_dynamic
        more = {"definition": definitions.defined(query=given["query"])}
    made = make(
        name=given["name"],
        description=given["description"],
        **more,
        actor=request.actor,
        now=timezone.now(),
    )
    return str(made.uid)


def _show(form: groupings.GroupForm, error: errors.HomepotError) -> int:
    if error.code == "invalid_query":
        form.add_error("query", groupings.problem_of(error))
        return error.status
    return show_refusal(form, error)


def _followed(request: HttpRequest) -> tuple[dict[str, Any] | None, Draft | None]:
    """What was posted, its text following the conditions where those were edited last."""
    given = posted(request)
    if given is None:
        return None, None
    data = given.dict()
    if data.get("edited") != "rows":
        return data, None
    draft = query_builder.read(str(data.get("rows", "")))
    if draft.query is not None:
        data["query"] = to_text(draft.query)
    elif draft.is_empty:
        data["query"] = ""
    return data, draft


def _require_whole(form: groupings.GroupForm, draft: Draft | None) -> None:
    """Keep the text of before from being saved while the conditions are half done."""
    if draft is not None and draft.query is None and not draft.is_empty and form.is_dynamic:
        form.add_error("query", "Complete the conditions, or remove what is not complete.")


def _form(
    request: HttpRequest,
    template: str,
    form: groupings.GroupForm,
    draft: Draft | None,
    more: dict[str, Any],
    *,
    status: int,
) -> HttpResponse:
    """The form, with what its query finds at the moment."""
    begun = "" if form.is_bound else request.GET.get("query", "")
    text = str(begun or form["query"].value() or "").strip()
    edited = "text" if draft is None else "rows"
    desk = groupings.query_desk(
        actor=request.actor,
        text=text,
        draft=draft,
        device_uid=_device_to_try(request),
        now=timezone.now(),
    )
    if desk.found is not None and desk.found.problem and "query" not in form.errors:
        form.problem = desk.found.problem
    context = {
        "form": form,
        "found": desk.found,
        "tried": desk.tried,
        "draft": desk.draft,
        "edited": edited,
        "sections": query_rows.sections(),
        "new_row": query_builder.NEW_ROW,
        "kinds": groupings.KINDS,
        **more,
    }
    return render(request, template, context, status=status)


def _device_to_try(request: HttpRequest) -> str:
    asked = request.POST.get("do", "").partition("try:")[2]
    return (asked or request.POST.get("device") or request.GET.get("device") or "").strip()


def _page(request: HttpRequest, uid: str, *, refused: str = "", status: int = 200) -> HttpResponse:
    streams = selectors.streams(actor=request.actor)
    sheet = groupings.group_sheet(
        actor=request.actor,
        uid=uid,
        after=request.GET.get("after", ""),
        why=request.GET.get("why", ""),
        now=timezone.now(),
    )
    context = {
        "streams": json.dumps(streams),
        "sheet": sheet,
        "group": sheet.group,
        "refused": refused,
    }
    return render(request, "ops/group.html", context, status=status)
