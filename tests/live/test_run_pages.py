"""Pages of runs: what stands on them for whom, with and without htmx."""

from __future__ import annotations

import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from registry.models import User
from tests.live import episodes
from tests.registry.checkpoints import store_checkpoint
from training.models import Run, RunStatus, Wish

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis_url")]


def page(user: User, route: str, *args: object, **query: object):
    client = Client()
    client.force_login(user)
    return client.get(reverse(route, args=args), query_params=query)


def press(user: User, route: str, run: Run, **headers: str):
    client = Client()
    client.force_login(user)
    return client.post(reverse(route, args=[run.pk]), headers=headers)


def text_of(response) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def more_runs(run: Run, count: int, **fields: object) -> list[Run]:
    made = [
        Run(name=f"Run {number}", system="town", level="L1", spec=run.spec, total=10)
        for number in range(count)
    ]
    for other in made:
        for name, value in {"owner": run.owner, "unit": "episode", **fields}.items():
            setattr(other, name, value)
    return Run.objects.bulk_create(made)


def test_front_page_lists_the_runs_of_the_class(student: User, run: Run):
    words = text_of(page(student, "live:home"))
    assert "A watched run" in words
    assert "running" in words
    assert "0 / 1,000" in words


def test_stranger_is_sent_to_the_sign_in_page(client: Client, db):
    response = client.get("/")
    assert response.status_code == 302
    assert response["Location"].startswith(reverse("login"))


def test_student_of_another_class_sees_an_empty_list_and_no_run(outsider: User, run: Run):
    assert "stands here" in text_of(page(outsider, "live:run-list"))
    for route in ("live:run", "live:run-status", "live:run-replays"):
        assert page(outsider, route, run.pk).status_code == 404


def test_empty_list_tells_an_instructor_how_to_begin(instructor: User):
    response = page(instructor, "live:run-list")
    assert "Start a run" in text_of(response)
    assert reverse("live:run-new") in response.content.decode()


def test_list_is_filtered_by_status(instructor: User, run: Run):
    more_runs(run, 2, status=RunStatus.FAILED)
    assert "A watched run" not in text_of(page(instructor, "live:run-list", status="failed"))
    assert "A watched run" in text_of(page(instructor, "live:run-list", status="running"))
    assert "No such run" in text_of(page(instructor, "live:run-list", status="paused"))


def test_long_list_is_read_page_by_page_without_gap_or_repeat(instructor: User, run: Run):
    more_runs(run, 60)
    client = Client()
    client.force_login(instructor)
    seen, address = [], reverse("live:run-list")
    while address:
        html = client.get(address).content.decode()
        seen += re.findall(r'name="run" value="([0-9a-f-]{36})"', html)
        following = re.search(r'href="([^"]+)" rel="next"', html)
        address = following and following.group(1).replace("&amp;", "&")
    assert len(seen) == len(set(seen)) == 61


def test_list_costs_the_same_however_many_runs_there_are(instructor: User, run: Run):
    client = Client()
    client.force_login(instructor)

    def asked() -> tuple[int, list[str]]:
        """How many runs are shown, and what the database was asked for it."""
        with CaptureQueriesContext(connection) as captured:
            response = client.get(reverse("live:run-list"))
        assert response.status_code == 200
        shown = response.content.decode().count('name="run"')
        return shown, [query["sql"] for query in captured]

    one = asked()
    more_runs(run, 49, classroom=run.classroom)
    fifty = asked()
    assert (one[0], fifty[0]) == (1, 50)
    # Session, user, role, permissions, runs. Compared word for word, so that what comes on top
    # some day is named by the failure.
    assert [shape(sql) for sql in fifty[1]] == [shape(sql) for sql in one[1]]


def shape(sql: str) -> str:
    """A statement without its values."""
    return re.sub(r"'[^']*'|\d+", "?", sql)


def test_page_with_a_made_up_cursor_begins_anew(instructor: User, run: Run):
    assert page(instructor, "live:run-list", cursor="x").status_code == 302


def test_htmx_gets_the_table_alone(instructor: User, run: Run):
    client = Client()
    client.force_login(instructor)
    html = client.get(reverse("live:run-list"), headers={"HX-Request": "true"}).content.decode()
    assert "A watched run" in html
    assert "<html" not in html


def test_run_page_says_without_a_script_how_the_run_stands(student: User, run: Run):
    Run.objects.filter(pk=run.pk).update(done=250, latest_metrics={"mean_loss": 0.125})
    episodes.keep(run, episodes.make_episode(200, steps=44), "every 100th")
    response = page(student, "live:run", run.pk)
    words = text_of(response)
    assert "250 of 1,000 episodes" in words
    assert "Mean loss 0.125" in words
    assert re.search(r"200 44 .* every 100th", words)
    assert "load it again" in words, "the hint for those without JavaScript"
    assert "?episode=200" in response.content.decode()


def test_student_looks_and_does_not_touch(student: User, instructor: User, run: Run):
    assert "Pause" not in buttons(page(student, "live:run", run.pk))
    assert buttons(page(instructor, "live:run", run.pk)) >= {"Pause", "Cancel"}
    for route in ("live:pause-run", "live:resume-run", "live:cancel-run"):
        assert press(student, route, run).status_code == 403
    run.refresh_from_db()
    assert (run.status, run.wish) == (RunStatus.RUNNING, Wish.RUN)


def buttons(response) -> set[str]:
    section = re.search(
        r'<section class="run-status".*?</section>', response.content.decode(), re.S
    )
    return set(re.findall(r"<button[^>]*>([^<]+)</button>", section.group()))


@pytest.mark.parametrize(
    ("status", "wish", "expected"),
    [
        (RunStatus.QUEUED, Wish.RUN, {"Pause", "Cancel"}),
        (RunStatus.RUNNING, Wish.RUN, {"Pause", "Cancel"}),
        (RunStatus.RUNNING, Wish.PAUSE, {"Go on", "Cancel"}),
        (RunStatus.RUNNING, Wish.CANCEL, set()),
        (RunStatus.PAUSED, Wish.RUN, {"Go on", "Cancel"}),
        (RunStatus.FAILED, Wish.RUN, {"Try again"}),
        (RunStatus.SUCCEEDED, Wish.RUN, set()),
        (RunStatus.CANCELLED, Wish.RUN, set()),
    ],
)
def test_buttons_fit_what_may_be_asked_now(instructor: User, run: Run, status, wish, expected):
    Run.objects.filter(pk=run.pk).update(status=status, wish=wish)
    assert buttons(page(instructor, "live:run-status", run.pk)) == expected


def test_pausing_without_htmx_leads_back_to_the_page(instructor: User, run: Run):
    response = press(instructor, "live:pause-run", run)
    assert response.status_code == 302
    assert response["Location"] == reverse("live:run", args=[run.pk])
    run.refresh_from_db()
    assert run.wish == Wish.PAUSE


def test_pausing_with_htmx_answers_with_the_panel(instructor: User, run: Run):
    response = press(instructor, "live:pause-run", run, HX_Request="true")
    assert response.status_code == 200
    assert "pausing" in text_of(response)
    assert buttons(response) == {"Go on", "Cancel"}


def test_too_late_a_wish_is_answered_with_409_and_a_reason(instructor: User, run: Run):
    Run.objects.filter(pk=run.pk).update(status=RunStatus.SUCCEEDED)
    response = press(instructor, "live:cancel-run", run, HX_Request="true")
    assert response.status_code == 409
    assert "a succeeded run cannot become cancelled" in text_of(response)


def test_too_late_a_wish_without_htmx_is_told_on_the_page(instructor: User, run: Run):
    Run.objects.filter(pk=run.pk).update(status=RunStatus.SUCCEEDED)
    client = Client()
    client.force_login(instructor)
    response = client.post(reverse("live:pause-run", args=[run.pk]), follow=True)
    assert "a succeeded run cannot become paused" in text_of(response)


def test_looking_changes_nothing(instructor: User, run: Run):
    assert page(instructor, "live:pause-run", run.pk).status_code == 405


def test_checkpoint_is_downloaded_with_exactly_its_bytes(student: User, run: Run, artifact_dir):
    saved = store_checkpoint(run.pk, "inference", 100, b"weights")
    response = page(student, "live:checkpoint", run.pk, saved.pk)
    assert response.getvalue() == b"weights"
    assert response["Content-Disposition"].endswith('inference-100.safetensors"')


def test_training_checkpoint_is_for_whom_may_steer_the_run(
    student: User, instructor: User, run: Run, artifact_dir
):
    saved = store_checkpoint(run.pk, "training", 100, b"everything")
    address = reverse("live:checkpoint", args=[run.pk, saved.pk])
    assert page(student, "live:checkpoint", run.pk, saved.pk).status_code == 403
    assert address not in page(student, "live:run", run.pk).content.decode()
    assert page(instructor, "live:checkpoint", run.pk, saved.pk).getvalue() == b"everything"
    assert address in page(instructor, "live:run", run.pk).content.decode()


def test_checkpoint_needs_the_permission_to_download(student: User, run: Run, artifact_dir):
    saved = store_checkpoint(run.pk, "inference", 100, b"weights")
    group = student.groups.get()
    group.permissions.remove(group.permissions.get(codename="download_modelversion"))
    assert page(student, "live:checkpoint", run.pk, saved.pk).status_code == 403
    address = reverse("live:checkpoint", args=[run.pk, saved.pk])
    assert address not in page(student, "live:run", run.pk).content.decode()


def test_checkpoint_of_another_run_is_not_there(student: User, run: Run, artifact_dir):
    other = more_runs(run, 1)[0]
    saved = store_checkpoint(other.pk, "inference", 100, b"weights")
    assert page(student, "live:checkpoint", run.pk, saved.pk).status_code == 404


def test_kept_episodes_are_filtered_by_reason(student: User, run: Run):
    episodes.keep(run, episodes.make_episode(100), "every 100th")
    episodes.keep(run, episodes.make_episode(130), "best of 100")
    words = text_of(page(student, "live:run-replays", run.pk, reason="best of 100"))
    assert "130" in words
    assert "every 100th" not in words.split("Kept because", 2)[-1].split("Filter")[-1]


def test_missing_page_and_forbidden_page_look_like_ours(student: User):
    missing = page(student, "live:run", "00000000-0000-4000-8000-000000000000")
    forbidden = page(student, "live:run-new")
    assert (missing.status_code, forbidden.status_code) == (404, 403)
    for response in (missing, forbidden):
        assert "site-header" in response.content.decode()


def test_name_of_a_run_cannot_smuggle_markup_in(instructor: User, run: Run):
    Run.objects.filter(pk=run.pk).update(name="</script><script>alert(1)</script>")
    for route, *args in (("live:run-list",), ("live:run", run.pk)):
        html = page(instructor, route, *args).content.decode()
        assert "<script>alert" not in html
    compared = page(instructor, "live:run-compare", run=[run.pk, more_runs(run, 1)[0].pk])
    assert "<script>alert" not in compared.content.decode()
