"""Who may call what. Add a row here for every route, socket, table of the admin and bulk action.

Everybody calls with things of one class: `student` is in it, `outsider` is a student of another
class, `instructor` teaches it and owns its things, `admin` has the role and is in no class,
`roleless` is in the class and has no role any more.
302 is the way to the sign-in page, or onwards after something was done; 404 says no more than
that there is nothing to see. Route parameters come from world.py.
"""

from __future__ import annotations

from tests.access.rows import AdminRow, row, socket

BRAIN = "architecture: {type: dueling}"
SMALL = {"name": "small"}
ZEROS = [0.0] * 38

HTTP = [
    #                                  anonymous, student, outsider, instructor, admin, roleless
    # -- accounts
    row("GET", "login", 200, 302, 302, 302, 302, 302),
    row("POST", "login", 422, 302, 302, 302, 302, 302, form={"username": "x", "password": "y"}),
    row("POST", "logout", 302, 302, 302, 302, 302, 302),
    row("GET", "join", 200, 200, 200, 200, 200, 200),
    row("POST", "join", 422, 422, 422, 422, 422, 422, form={"code": "WRONG"}),
    row("GET", "account", 302, 200, 200, 200, 200, 200),
    row("GET", "password-change", 302, 200, 200, 200, 200, 200),
    row("POST", "password-change", 302, 422, 422, 422, 422, 422, form={}),
    row(
        "POST", "create-token", 302, 201, 201, 201, 201, 201, form={"name": "n", "scopes": ["read"]}
    ),
    row("POST", "revoke-token", 302, 302, 404, 404, 404, 404),  # the token is the student's own
    # -- models and brains: pages
    row("GET", "registry:model-list", 302, 200, 200, 200, 200, 403),
    row("GET", "registry:model", 302, 200, 404, 200, 200, 403),
    row(
        *("POST", "registry:move-alias", 302, 403, 403, 302, 302, 403),
        form={"alias": "good", "version": "1.0.0"},
    ),
    row("POST", "registry:remove-alias", 302, 403, 403, 302, 302, 403),
    row("GET", "registry:version", 302, 200, 404, 200, 200, 403),
    row("GET", "registry:version-download", 302, 200, 404, 200, 200, 403),
    row("GET", "registry:brain-list", 302, 200, 200, 200, 200, 403),
    row("GET", "registry:brain", 302, 200, 404, 200, 200, 403, using=SMALL),
    row("GET", "registry:brain-new", 302, 403, 403, 200, 200, 403),
    row(
        *("POST", "registry:brain-new", 302, 403, 403, 302, 302, 403),
        form={"name": "another", "yaml_text": BRAIN},
    ),
    row("GET", "registry:brain-edit", 302, 403, 403, 200, 200, 403, using=SMALL),
    row(
        *("POST", "registry:brain-edit", 302, 403, 403, 302, 302, 403),
        using=SMALL,
        form={"yaml_text": BRAIN},
    ),
    row("POST", "registry:brain-delete", 302, 403, 403, 302, 302, 403, using=SMALL),
    # -- models and brains: REST
    row("GET", "api-openapi", 200, 200, 200, 200, 200, 200),
    row(
        *("POST", "api-predict", 401, 200, 404, 200, 200, 403),
        json={"model": "walker", "observation": ZEROS},
    ),
    row("GET", "api-models", 401, 200, 200, 200, 200, 403),
    row("GET", "api-model", 401, 200, 404, 200, 200, 403),
    row("GET", "api-versions", 401, 200, 404, 200, 200, 403),
    row("GET", "api-version", 401, 200, 404, 200, 200, 403),
    row("GET", "api-version-download", 401, 200, 404, 200, 200, 403),
    row("GET", "api-aliases", 401, 200, 404, 200, 200, 403),
    row("GET", "api-alias-moves", 401, 200, 404, 200, 200, 403),
    row("GET", "api-alias", 401, 200, 404, 200, 200, 403),
    row("PUT", "api-alias", 401, 403, 403, 200, 200, 403, json={"version": "1.0.0"}),
    row("DELETE", "api-alias", 401, 403, 403, 204, 204, 403),
    row("GET", "api-brains", 401, 200, 200, 200, 200, 403),
    row("POST", "api-brains", 401, 403, 403, 201, 201, 403, json={"name": "b", "yaml": BRAIN}),
    row("POST", "api-brain-validate", 401, 200, 200, 200, 200, 403, json={"yaml": BRAIN}),
    row("GET", "api-brain", 401, 200, 404, 200, 200, 403, using=SMALL),
    row("PUT", "api-brain", 401, 403, 403, 200, 200, 403, using=SMALL, json={"yaml": BRAIN}),
    # -- runs: REST
    row("POST", "api-train", 401, 403, 403, 202, 202, 403, json={"system": "town", "level": "L0"}),
    row("GET", "api-runs", 401, 200, 200, 200, 200, 403),
    row("GET", "api-run", 401, 200, 404, 200, 200, 403),
    row("POST", "api-run-pause", 401, 403, 403, 200, 200, 403),
    row("POST", "api-run-resume", 401, 403, 403, 200, 200, 403, using={"run_id": "paused_run_id"}),
    row("POST", "api-run-cancel", 401, 403, 403, 200, 200, 403),
    row("GET", "api-run-metrics", 401, 200, 404, 200, 200, 403),
    row("GET", "api-run-episodes", 401, 200, 404, 200, 200, 403),
    row("GET", "api-run-replays", 401, 200, 404, 200, 200, 403),
    row("GET", "api-run-replay", 401, 200, 404, 200, 200, 403, using={"number": "replay_number"}),
    row("GET", "api-run-checkpoints", 401, 200, 404, 200, 200, 403),
    row("GET", "api-run-checkpoint", 401, 200, 404, 200, 200, 403),
    row("GET", "api-systems", 401, 200, 200, 200, 200, 200),
    row("GET", "api-levels", 401, 200, 200, 200, 200, 200, using={"name": "town"}),
    # -- runs: pages
    row("GET", "live:home", 302, 200, 200, 200, 200, 403),
    row("GET", "live:run-list", 302, 200, 200, 200, 200, 403),
    row("GET", "live:run-new", 302, 403, 403, 200, 200, 403),
    row("POST", "live:run-new", 302, 403, 403, 422, 422, 403, form={"system": "town"}),
    row("GET", "live:run-compare", 302, 200, 200, 200, 200, 403),
    row("GET", "live:run", 302, 200, 404, 200, 200, 403),
    row("GET", "live:run-status", 302, 200, 404, 200, 200, 403),
    row("GET", "live:run-replays", 302, 200, 404, 200, 200, 403),
    row("GET", "live:checkpoint", 302, 200, 404, 200, 200, 403),
    row("POST", "live:pause-run", 302, 403, 404, 302, 302, 403),
    row("POST", "live:resume-run", 302, 403, 404, 302, 302, 403),
    row("POST", "live:cancel-run", 302, 403, 404, 302, 302, 403),
    # -- machines
    row("GET", "healthz", 200, 200, 200, 200, 200, 200),
    row("GET", "readyz", 200, 200, 200, 200, 200, 200),
    row("GET", "metrics", 401, 403, 403, 403, 200, 403),
    # -- Django's admin, but for its tables
    row("GET", "admin:index", 302, 302, 302, 302, 200, 302),
    row("GET", "admin:login", 200, 200, 200, 200, 302, 200),
    row("POST", "admin:logout", 302, 302, 302, 302, 302, 302),
    row("GET", "admin:password_change", 302, 302, 302, 302, 200, 302),
    row("GET", "admin:password_change_done", 302, 302, 302, 302, 200, 302),
    row(
        *("GET", "admin:autocomplete", 302, 302, 302, 302, 200, 302),
        query={"app_label": "registry", "model_name": "membership", "field_name": "user"},
    ),
    row("GET", "admin:jsi18n", 302, 302, 302, 302, 200, 302),
    row("GET", "admin:view_on_site", 302, 302, 302, 302, 302, 302),
    row("GET", "admin:app_list", 302, 302, 302, 302, 200, 302, using={"app_label": "registry"}),
    row("GET", "admin:(?P<url>.*)$", 302, 302, 302, 302, 404, 302, using={"url": "nothing"}),
]

ADMIN = [
    AdminRow("auth.group", 403, 403, 403, 403, 403),  # roles are made by migrations
    AdminRow("registry.alias", add=200, delete=200, actions={"delete_selected": 200}),
    AdminRow("registry.aliasmove"),
    AdminRow("registry.apitoken", add=200, actions={"revoke": 302}),
    AdminRow("registry.artifact"),
    AdminRow("registry.brainspec", add=200, delete=200, actions={"delete_selected": 200}),
    AdminRow("registry.checkpoint"),
    AdminRow(
        "registry.classroom",
        add=200,
        delete=200,
        actions={"delete_selected": 200, "renew_join_codes": 302},
    ),
    AdminRow("registry.modelversion"),
    AdminRow("registry.registeredmodel", add=200, delete=200, actions={"delete_selected": 200}),
    AdminRow(
        "registry.user",
        add=200,
        delete=200,
        actions={
            "delete_selected": 200,
            "make_students": 302,
            "make_instructors": 302,
            "make_admins": 302,
            "open_accounts": 302,
            "close_accounts": 302,
        },
        others={"auth_user_password_change": 200},
    ),
    AdminRow("training.replay"),
    AdminRow("training.run", actions={"pause": 302, "resume": 302, "cancel": 302}),
    AdminRow("training.runevent"),
]

SOCKETS = [
    socket("ws/runs/<uuid:run_id>/", False, True, False, True, True, False),
]
