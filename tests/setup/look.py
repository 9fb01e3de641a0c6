"""Prints as JSON what python-gitlab, a client that is not ours, finds in the group ESCALATOR_LOOK_GROUP."""

import json
import os

import gitlab


def main():
    api = gitlab.Gitlab(os.environ["ESCALATOR_LOOK_URL"], private_token=os.environ["ESCALATOR_LOOK_TOKEN"])
    group = api.groups.get(os.environ["ESCALATOR_LOOK_GROUP"])
    # A page of five: the client has to follow GitLab's pages, too.
    labels = group.labels.list(iterator=True, per_page=5)
    found = {
        "labels": {label.name: {"color": label.color, "description": label.description} for label in labels},
        "boards": {board.name: lists(board) for board in group.boards.list(get_all=True)},
        "hooks": {hook.url: events(hook) for hook in group.hooks.list(get_all=True)},
    }
    print(json.dumps(found))


def lists(board):
    return [column.label["name"] for column in board.lists.list(get_all=True)]


def events(hook):
    return sorted(name for name, on in hook.attributes.items() if name.endswith("_events") and on is True)


main()
