import pytest
from registry.accounts.models import User
def test_people(student, instructor, admin, outsider):
    assert User.objects.count()==4
@pytest.mark.django_db(transaction=True)
def test_a(): 
    from django.contrib.auth.models import Group
    assert Group.objects.count()==3
@pytest.mark.django_db(transaction=True)
def test_b(student): 
    from django.contrib.auth.models import Group
    assert Group.objects.count()==3
    assert all(g.permissions.count() for g in Group.objects.all())
def test_browser(chromium, transactional_db):
    p=chromium.new_page(); p.set_content("<h1>hi</h1>"); assert p.inner_text("h1")=="hi"; User.objects.count()
@pytest.mark.slow(50)
def test_slow1(): pass
@pytest.mark.slow(50)
def test_slow2(): pass
