"""What is sent to record the examples: by operation, its body and query. Others need none."""

from __future__ import annotations

from typing import Any

ZEROS = [0.0] * 38
BRAIN = "architecture:\n  type: dueling\n  dueling: {shared_layers: [256, 128]}\n"
RULE = {"keep_newest": 10, "archive_after_days": 30, "delete_after_days": 90}
OIP = {
    "id": "42",
    "inputs": [
        {"name": "observation", "shape": [1, 38], "datatype": "FP32", "data": ZEROS},
    ],
    "outputs": [{"name": "actions"}],
}
BODIES: dict[str, Any] = {
    "create_brain": {"name": "wide", "yaml": BRAIN},
    "replace_brain": {"yaml": BRAIN},
    "validate_brain": {"yaml": BRAIN, "system": "town", "level": "L1"},
    "create_model": {
        "name": "runner",
        "system": "town",
        "description": "runs to work",
        "tags": {"team": "red"},
    },
    "describe_model": {"description": "walks to work", "tags": {"team": "red"}},
    "describe_version": {"description": "the first that survives", "tags": {"stage": "3"}},
    "move_alias": {"version": "1.0.0", "reason": "better in the evaluation"},
    "protect_alias": {"protected": True},
    "change_version_status": {"status": "archived", "reason": "replaced"},
    "set_retention": RULE,
    "set_model_retention": RULE,
    "register_version": {
        "file": "walker.safetensors",
        "description": "trained at home",
        "tags": '{"team": "red"}',
        "metrics": '{"survival_steps": 412.5}',
        "parent": "1.0.0",
    },
    "predict": {"model": "walker", "alias": "best", "observation": ZEROS},
    "predict_ensemble": {
        "members": [{"model": "walker"}, {"model": "walker", "alias": "best"}],
        "method": "mean",
        "observation": ZEROS,
    },
    "report_performance": {"metrics": {"wins": 0.55, "p99_ms": 18.2}, "feedback": "loses to 4453"},
    "predict_job": {"model": "walker", "observation": [ZEROS, ZEROS]},
    "v2_infer": OIP,
    "v2_version_infer": OIP,
    "train": {"system": "town", "level": "L1", "name": "first try", "seed": 1},
    "deploy": {"reason": "better against the book"},
    "roll_back": {"reason": "loses to beginners", "from_version": "1.2.0"},
    "create_webhook": {
        "name": "chat",
        "url": "https://hooks.example.org/models",
        "events": ["version.registered", "alias.moved"],
    },
    "change_webhook": {"active": False},
    "record_game": {
        "players": {"red": {"type": "human"}, "yellow": {"type": "ai", "version": "walker/1.0.0"}},
        "moves": [{"position": column} for column in (3, 2, 3, 2, 3, 2, 3)],
        "result": {"winner": "Red", "reason": "normal"},
        "consent": True,
    },
    "compare": {"model_ids": ["walker:1.0.0", "walker:1.0.1"]},
    "start_self_play": {
        "num_games": 100,
        "seed": 1,
        "options": {"exploration_rate": 0.05, "search": {"simulations": 100}},
    },
    "start_tournament": {
        "players": ["random", "minimax", {"name": "solver"}],
        "games_per_pair": 20,
        "seed": 1,
    },
    "start_hypersearch": {
        "examples": [
            {"board": {"board": "112233", "player": 1}, "move": 3, "value": 1, "game_id": "a"},
            {"board": {"board": "4", "player": 2}, "move": 3, "value": 0, "game_id": "b"},
        ],
        "config": {"model_type": "alphazero", "epochs": 20},
        "search_space": {
            "learning_rate": {"loguniform": [0.0001, 0.01]},
            "advanced_config.channels": {"choice": [32, 64]},
        },
        "num_samples": 10,
        "name": "tuning",
    },
    "change_learning": {"nightly": True, "enough_examples": 500},
    "build_dataset": {
        "name": "sunday",
        "options": {"value_target": "outcome", "augment": {"flip": True}},
    },
}
MEDIA_TYPES = {"register_version": "multipart/form-data"}
QUERIES = {
    "compare_versions": "q=name+%3D+'walker'",
    "compare_runs": "q=level+%3D+'L0'",
    "search_versions": "q=status+%3D+'registered'",
}
# No good answer can be recorded: a file goes in or comes out, the preview's token is wanted, or a
# version that was checked. Those of the latter stand at their views.
WITHOUT_RECORDING = {
    "change_learning",
    "delete_model",
    "delete_version",
    "deploy",
    "download_checkpoint",
    "download_export",
    "download_trained",
    "download_version",
    "export_bundle",
    "export_dataset",
    "export_games",
    "import_bundle",
    "import_dataset",
    "import_games",
    "roll_back",
    "upload",
}
