"""Pages of models, versions and brains."""

from __future__ import annotations

import html
import re

import pytest
from django.test import Client
from django.urls import reverse

from registry.accounts.models import Role, User
from registry.accounts.services import add_member, set_role
from registry.aliases.services import move_alias
from registry.models import Alias, AliasMove, BrainSpec, RegisteredModel
from registry.services import ensure_model, save_brain_spec
from tests.registry.checkpoints import DENSE, WIDER

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


def signed_in(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


def text_of(response) -> str:
    return html.unescape(response.content.decode())


def block(response, block_id: str) -> str:
    found = re.search(rf'id="{block_id}"[^>]*>(.*?)</pre>', response.content.decode(), re.DOTALL)
    return html.unescape(found.group(1))


def test_empty_list_says_what_to_do_to_each_role(student, instructor):
    assert "Your instructor starts runs" in text_of(
        signed_in(student).get(reverse("registry:model-list"))
    )
    page = text_of(signed_in(instructor).get(reverse("registry:model-list")))
    assert "Start a run" in page
    assert reverse("live:run-new") in page


def test_list_shows_ones_models_and_nobody_elses(version, student, outsider):
    assert "walker" in text_of(signed_in(student).get(reverse("registry:model-list")))
    assert "walker" not in text_of(signed_in(outsider).get(reverse("registry:model-list")))


def test_long_list_is_cut_into_pages_that_lead_on(instructor, classroom):
    for number in range(60):
        ensure_model(f"model-{number:02}", "town", instructor, classroom)
    client = signed_in(instructor)
    first = text_of(client.get(reverse("registry:model-list")))
    (following,) = re.findall(r'href="([^"]*cursor=[^"]*)"', first)
    second = text_of(client.get(following))
    names = re.findall(r">(model-\d\d)<", first + second)
    assert sorted(names) == [f"model-{number:02}" for number in range(60)]


def test_broken_cursor_leads_to_the_first_page(instructor):
    response = signed_in(instructor).get(reverse("registry:model-list"), {"cursor": "nonsense"})
    assert response.status_code == 302
    assert response["Location"] == reverse("registry:model-list")


def test_version_page_shows_signature_origin_and_metrics(register, student):
    version = register(lineage={"level": {"name": "L0"}}, metrics={"survival": 4.5})
    page = text_of(signed_in(student).get(version.get_absolute_url()))
    for words in ("observation", "[batch, 38]", "underfoot", "level.name", "4.5"):
        assert words in page
    assert version.artifact_id in page
    assert reverse("registry:version-download", args=["walker", "1.0.0"]) in page


def test_page_of_an_alias_is_that_of_its_version(version, student):
    page = text_of(signed_in(student).get(reverse("registry:version", args=["walker", "latest"])))
    assert "walker 1.0.0" in page


@pytest.mark.parametrize("number", ["7.0.0", "worst", "..", "1.0"])
def test_version_that_is_not_there_is_404(version, student, number):
    url = reverse("registry:version", args=["walker", "X"]).replace("X", number)
    assert signed_in(student).get(url).status_code == 404


def test_download_from_the_page_is_the_file(version, student):
    url = reverse("registry:version-download", args=["walker", "1.0.0"])
    response = signed_in(student).get(url)
    assert response["Content-Disposition"] == 'attachment; filename="walker-1.0.0.safetensors"'
    assert len(response.getvalue()) == version.artifact.size_bytes


def test_alias_moves_with_and_without_javascript(register, model, instructor):
    register()
    register(seed=1)
    client = signed_in(instructor)
    url = reverse("registry:move-alias", args=["walker"])
    plain = client.post(url, {"alias": "best", "version": "1.0.0"})
    assert plain.status_code == 302
    assert plain["Location"] == model.get_absolute_url()
    partial = client.post(url, {"alias": "best", "version": "1.0.1"}, headers=HTMX)
    assert partial.status_code == 200
    assert partial.content.decode().lstrip().startswith("<section")
    assert Alias.objects.get(name="best").version.number == "1.0.1"
    assert AliasMove.objects.filter(name="best", moved_by=instructor).count() == 2


def test_alias_is_removed_with_and_without_javascript(version, model, instructor):
    client = signed_in(instructor)
    for name, headers, status in (("one", {}, 302), ("two", HTMX, 200)):
        move_alias(model, name, version, instructor)
        url = reverse("registry:remove-alias", args=["walker", name])
        assert client.post(url, headers=headers).status_code == status
    assert list(Alias.objects.values_list("name", flat=True)) == ["latest"]


@pytest.mark.parametrize(
    ("alias", "number", "words"),
    [
        ("latest", "1.0.0", "moves by itself"),
        ("1.0.0", "1.0.0", "beginning with a letter"),
        ("best", "9.9.9", "no version or alias"),
        ("", "1.0.0", "which alias"),
    ],
)
@pytest.mark.parametrize("headers", [{}, HTMX])
def test_refused_move_says_why_in_place(version, instructor, alias, number, words, headers):
    url = reverse("registry:move-alias", args=["walker"])
    response = signed_in(instructor).post(url, {"alias": alias, "version": number}, headers=headers)
    assert response.status_code == 409
    assert words in text_of(response)
    assert 'role="alert"' in response.content.decode()
    assert ("<html" in response.content.decode()) is (headers == {})


def test_student_sees_aliases_and_no_way_to_move_them(version, student):
    page = text_of(signed_in(student).get(reverse("registry:model", args=["walker"])))
    assert "latest" in page
    assert reverse("registry:move-alias", args=["walker"]) not in page


def test_description_is_shown_as_text_and_never_as_markup(model, student):
    RegisteredModel.objects.update(description="<img src=x onerror=alert(1)>")
    raw = signed_in(student).get(model.get_absolute_url()).content.decode()
    assert "<img src=x" not in raw
    assert "&lt;img src=x" in raw


def test_brain_is_written_shown_and_changed(instructor):
    client = signed_in(instructor)
    text = DENSE.replace("\n", "\r\n")
    response = client.post(reverse("registry:brain-new"), {"name": "small", "yaml_text": text})
    assert response.status_code == 302
    assert BrainSpec.objects.get().yaml_text == DENSE, "kept as a file would hold it"
    assert block(client.get(response["Location"]), "brain-yaml") == DENSE
    edit = reverse("registry:brain-edit", args=["small"])
    assert client.post(edit, {"yaml_text": WIDER}).status_code == 302
    assert BrainSpec.objects.get().yaml_text == WIDER


def test_first_brain_of_the_form_is_well_formed(instructor):
    client = signed_in(instructor)
    page = client.get(reverse("registry:brain-new")).content.decode()
    text = html.unescape(re.search(r"<textarea[^>]*>\s?(.*?)</textarea>", page, re.DOTALL).group(1))
    response = client.post(reverse("registry:brain-new"), {"name": "first", "yaml_text": text})
    assert response.status_code == 302


def test_faults_of_a_brain_stand_beside_the_text_which_stays(instructor):
    text = "architecture: {type: dueling, layers: 3}\nextra: 1"
    response = signed_in(instructor).post(
        reverse("registry:brain-new"), {"name": "a b", "yaml_text": text}
    )
    assert response.status_code == 422
    page = text_of(response)
    said = " ".join(re.sub(r"<[^>]+>", " ", page).split())
    assert "line 1 architecture.layers unknown field" in said
    assert "line 2 extra unknown field" in said
    assert "found 'a b'" in page
    assert text in page
    assert not BrainSpec.objects.exists()


def test_checking_alone_keeps_nothing(instructor):
    response = signed_in(instructor).post(
        reverse("registry:brain-new"), {"name": "small", "yaml_text": DENSE, "check": "1"}
    )
    assert response.status_code == 200
    assert "well-formed" in text_of(response)
    assert not BrainSpec.objects.exists()


def test_brain_begins_as_a_copy_of_another_one_may_see(instructor, admin):
    save_brain_spec("mine", WIDER, instructor)
    save_brain_spec("hidden", DENSE, admin)
    client = signed_in(instructor)
    page = text_of(client.get(reverse("registry:brain-new"), {"from": "mine"}))
    assert "hidden_layers: [9]" in page
    assert client.get(reverse("registry:brain-new"), {"from": "hidden"}).status_code == 404


def test_guest_instructor_looks_and_does_not_touch(version, instructor, outsider, classroom):
    set_role(outsider, Role.INSTRUCTOR)
    add_member(classroom, outsider)
    save_brain_spec("mine", DENSE, instructor)
    client = signed_in(User.objects.get(pk=outsider.pk))
    assert client.get(reverse("registry:model", args=["walker"])).status_code == 200
    move = reverse("registry:move-alias", args=["walker"])
    assert client.post(move, {"alias": "best", "version": "1.0.0"}).status_code == 403
    remove = reverse("registry:remove-alias", args=["walker", "best"])
    assert client.post(remove).status_code == 403
    for page in ("brain-edit", "brain-delete"):
        url = reverse(f"registry:{page}", args=["mine"])
        assert client.post(url, {"yaml_text": WIDER}).status_code == 403
    assert BrainSpec.objects.get().yaml_text == DENSE
    assert not Alias.objects.filter(name="best").exists()


def test_brain_of_somebody_else_is_looked_at_and_not_touched(instructor, student, admin):
    save_brain_spec("mine", DENSE, instructor)
    client = signed_in(student)
    assert client.get(reverse("registry:brain", args=["mine"])).status_code == 200
    assert client.get(reverse("registry:brain-edit", args=["mine"])).status_code == 403
    assert client.post(reverse("registry:brain-delete", args=["mine"])).status_code == 403
    assert BrainSpec.objects.exists()
    assert (
        signed_in(instructor).post(reverse("registry:brain-delete", args=["mine"])).status_code
        == 302
    )
    assert not BrainSpec.objects.exists()
