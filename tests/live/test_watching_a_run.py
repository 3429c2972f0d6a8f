"""What somebody who watches a run gets, over a real server."""

from __future__ import annotations

from collections.abc import Callable

import redis as redis_client
from django.conf import settings

from tests.live import episodes
from tests.live.watching import Watch
from training import events, lifecycle
from training.models import Run, RunStatus

Open = Callable[..., Watch]


def test_first_message_says_what_is_watched(watch: Open, run: Run):
    connected = watch().read()
    assert connected["type"] == "connected"
    assert connected["run"]["id"] == str(run.pk)
    assert connected["level"] == "L0.5"
    assert connected["brain_hash"].startswith("sha256:")
    assert connected["newest_episode"] is None
    assert (connected["seq"], connected["dropped"]) == (1, 0)


def test_first_message_says_what_is_observed_whether_or_not_an_episode_was_sent(
    watch: Open, run: Run
):
    before = watch().read()
    assert before["action_names"] == before["layout"]["actions"]
    assert before["action_names"][:6] == ["UP", "DOWN", "LEFT", "RIGHT", "INTERACT", "WAIT"]
    grid = before["layout"]["groups"][0]
    # L0.5 is a full view of 5 x 5 cells with a plane for each of 14 affordances and the agent.
    assert (grid["name"], grid["shape"]) == ("grid", [15, 5, 5])
    episodes.publish(run, episodes.make_episode(1))
    after = watch().read()
    assert (after["layout"], after["action_names"]) == (before["layout"], before["action_names"])


def test_first_message_of_a_run_whose_spec_is_of_another_age_comes_without_a_layout(
    watch: Open, run: Run
):
    run.spec["content"]["level"] = {"name": "L0.5", "size": 5}
    run.save()
    connected = watch().read()
    assert (connected["level"], connected["layout"]) == ("L0.5", None)
    assert connected["action_names"] is None


def test_episode_arrives_whole_and_in_order(watch: Open, run: Run):
    socket = watch()
    socket.until("connected")
    episodes.publish(run, episodes.make_episode(4, steps=150), dropped=7)
    start, *updates, end = socket.episode(4)
    assert (start["mode"], start["dropped"], start["fresh"]) == ("live_training", 7, True)
    assert [update["count"] for update in updates] == [64, 64, 22]
    assert end["transitions"] == {"Bed>Job": 1}
    seqs = [message["seq"] for message in socket.seen]
    assert seqs == list(range(1, len(seqs) + 1))


def test_everybody_gets_the_episode_through_one_subscription(watch: Open, run: Run):
    sockets = [watch() for _ in range(5)]
    for socket in sockets:
        socket.until("connected")
    assert events.watchers(run.pk) == 1
    episodes.publish(run, episodes.make_episode(2))
    for socket in sockets:
        assert len(socket.episode(2)) == 3


def test_subscription_ends_with_the_last_watcher(watch: Open, run: Run, wait_until):
    first, second = watch(), watch()
    first.until("connected")
    second.until("connected")
    first.connection.close()
    second.send("ping", sent=1.0)
    second.until("pong")
    assert events.watchers(run.pk) == 1
    second.connection.close()
    wait_until(lambda: events.watchers(run.pk) == 0)


def test_who_joins_late_gets_the_newest_episode(watch: Open, run: Run):
    for number in (1, 2, 3):
        episodes.publish(run, episodes.make_episode(number))
    socket = watch()
    assert socket.until("connected")["newest_episode"] == 3
    start = socket.episode()[0]
    assert (start["episode_id"], start["fresh"]) == (3, False)
    second = watch()
    assert second.episode()[0]["episode_id"] == 3


def test_of_a_run_that_is_over_the_newest_kept_episode_is_shown(watch: Open, run: Run):
    episodes.keep(run, episodes.make_episode(100))
    episodes.keep(run, episodes.make_episode(200))
    start = watch().episode()[0]
    assert (start["episode_id"], start["mode"]) == (200, "replay")


def test_replay_plays_while_new_episodes_wait(watch: Open, run: Run):
    episodes.keep(run, episodes.make_episode(100, steps=70))
    episodes.publish(run, episodes.make_episode(150))
    socket = watch()
    socket.episode(150)
    socket.send("load_replay", episode=100)
    replay = socket.episode(100)
    assert replay[0]["mode"] == "replay"
    assert sum(update["count"] for update in replay[1:-1]) == 70

    episodes.publish(run, episodes.make_episode(151))
    seen = len(socket.seen)
    socket.until("metrics", lambda message: message["newest_episode"] == 151)
    assert "episode_start" not in [message["type"] for message in socket.seen[seen:]]
    socket.send("follow_latest")
    assert socket.episode()[0]["episode_id"] == 151


def test_newest_episode_can_be_replayed_though_it_was_not_kept(watch: Open, run: Run):
    episodes.publish(run, episodes.make_episode(5))
    socket = watch()
    socket.episode(5)
    socket.send("load_replay", episode=5)
    assert socket.episode(5)[0]["mode"] == "replay"


def test_episode_that_was_not_kept_is_refused_in_words(watch: Open):
    socket = watch()
    socket.send("load_replay", episode=77)
    error = socket.until("error")
    assert error["about"] == "load_replay"
    assert "77 was not kept" in error["text"]


def test_episode_of_another_run_cannot_be_replayed(watch: Open, run: Run):
    other = Run.objects.create(name="Other", system="town", spec=run.spec, total=1, unit="episode")
    episodes.keep(other, episodes.make_episode(100))
    socket = watch()
    socket.send("load_replay", episode=100)
    assert "not kept" in socket.until("error")["text"]


def test_damaged_replay_is_told_and_nothing_breaks(watch: Open, run: Run, artifact_dir):
    replay = episodes.keep(run, episodes.make_episode(100))
    [stored] = artifact_dir.rglob(replay.artifact.sha256)
    stored.write_bytes(b"x" * stored.stat().st_size)
    socket = watch()
    socket.send("load_replay", episode=100)
    assert "cannot be shown" in socket.until("error", lambda m: m["about"] == "load_replay")["text"]
    socket.answers_only("metrics", "status")


def test_pause_holds_new_episodes_back_and_play_lets_them_come(watch: Open, run: Run):
    socket = watch()
    socket.send("pause")
    socket.answers_only("connected", "metrics", "status")
    episodes.publish(run, episodes.make_episode(1))
    socket.until("metrics", lambda message: message["newest_episode"] == 1)
    socket.send("play")
    socket.answers_only("metrics", "status")
    episodes.publish(run, episodes.make_episode(2))
    assert socket.episode()[0]["episode_id"] == 2


def test_kept_episodes_are_listed_and_filtered(watch: Open, run: Run):
    episodes.keep(run, episodes.make_episode(100), "every 100th")
    episodes.keep(run, episodes.make_episode(130, steps=30), "best of 100")
    socket = watch()
    socket.send("list_replays")
    listed = socket.until("replay_list")["episodes"]
    assert [episode["number"] for episode in listed] == [130, 100]
    assert set(listed[0]) >= {"survival_steps", "score", "stage", "reasons"}

    socket.send("list_replays", filters={"min_survival_steps": 20})
    assert [e["number"] for e in socket.until("replay_list")["episodes"]] == [130]
    socket.send("list_replays", filters={"colour": 1})
    assert "filters.colour" in socket.until("error")["text"]


def test_new_summaries_are_pushed_and_old_ones_can_be_caught_up_with(watch: Open, run: Run):
    episodes.summarise(run, *range(1, 31))
    socket = watch()
    socket.until("metrics")
    episodes.summarise(run, 31, 32, survival_steps=99)
    pushed = socket.until("metrics", lambda message: message["episodes"]["number"])
    assert pushed["after"] == 30
    assert pushed["episodes"]["number"] == [31, 32]
    assert pushed["episodes"]["survival_steps"] == [99, 99]

    socket.send("catch_up", after=25, metrics_from=0)
    missed = socket.until("metrics", lambda message: message["after"] == 25)
    assert missed["episodes"]["number"] == list(range(26, 33))


def test_every_metric_that_is_written_is_pushed_though_nothing_is_published(watch: Open, run: Run):
    episodes.report(run, 10, loss=0.5)
    socket = watch()
    socket.until("metrics")
    episodes.report(run, 20, loss=0.4)
    episodes.report(run, 30, loss=0.3)
    pushed = socket.until("metrics", lambda message: "loss" in message["metrics"])
    found = pushed["metrics"]["loss"]
    while found["at"][-1] < 30:
        more = socket.until("metrics", lambda message: "loss" in message["metrics"])
        assert more["metrics_from"] == found["at"][-1]
        found = {name: [*found[name], *more["metrics"]["loss"][name]] for name in found}
    points = dict(zip(found["at"], found["value"], strict=True))
    assert points == {10: 0.5, 20: 0.4, 30: 0.3}

    # A name that comes later to the same place is no news of the others.
    episodes.report(run, 30, entropy=1.5)
    late = socket.until("metrics", lambda message: message["metrics"])
    assert late["metrics"] == {"entropy": {"at": [30], "value": [1.5]}}


def test_missed_metrics_can_be_caught_up_with(watch: Open, run: Run):
    for at in (10, 20, 30):
        episodes.report(run, at, loss=at / 100)
    socket = watch()
    socket.send("catch_up", after=0, metrics_from=20)
    missed = socket.until("metrics", lambda message: message["metrics_from"] == 20)
    assert missed["metrics"] == {"loss": {"at": [20, 30], "value": [0.2, 0.3]}}


def test_status_is_pushed_with_its_panel(watch: Open, run: Run):
    socket = watch()
    socket.until("status", lambda message: message["status"] == "running")
    lifecycle.move(run.pk, RunStatus.RUNNING, RunStatus.PAUSED)
    pushed = socket.until("status", lambda message: message["status"] == "paused")
    assert 'class="badge badge-paused"' in pushed["html"]
    assert "csrf" not in pushed["html"], "the panel is the same for everybody"


def test_broken_subscription_stands_up_again_and_misses_no_episode(
    watch: Open, run: Run, wait_until
):
    socket = watch()
    socket.until("connected")
    with redis_client.Redis.from_url(settings.REDIS_URL) as client:
        assert client.client_kill_filter(_type="pubsub") >= 1
    episodes.publish(run, episodes.make_episode(8))
    assert socket.episode(8)[0]["survival_steps"] == 10
    wait_until(lambda: events.watchers(run.pk) == 1)
    episodes.publish(run, episodes.make_episode(9))
    assert socket.episode(9)


def test_episodes_go_on_after_the_server_lost_its_count(watch: Open, run: Run):
    socket = watch()
    socket.until("connected")
    for number in (1, 2, 3):
        episodes.publish(run, episodes.make_episode(number))
        assert socket.episode(number)
    with redis_client.Redis.from_url(settings.REDIS_URL) as client:
        client.delete(events.sequence_key(run.pk), events.latest_episode_key(run.pk))
    episodes.publish(run, episodes.make_episode(4))
    assert socket.episode(4)


def test_message_that_cannot_be_read_ends_nothing(watch: Open, run: Run):
    socket = watch()
    socket.until("connected")
    with redis_client.Redis.from_url(settings.REDIS_URL) as client:
        for rubbish in (b"", b"1\n", b"1\n{}\n{}", b'1\n{"kind": "episode"}\nx', b"\xff" * 100):
            client.publish(events.run_channel(run.pk), rubbish)
    events.send(run.pk, events.encode_message("episode", b"not an episode"))
    episodes.publish(run, episodes.make_episode(3))
    assert socket.episode(3)
