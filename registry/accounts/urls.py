"""Routes of accounts. Their names have no namespace: settings and templates say `login`."""

from __future__ import annotations

from django.contrib.auth.views import LogoutView
from django.urls import path

from registry.accounts import views

urlpatterns = [
    path("", views.account, name="account"),
    path("login/", views.SignInView.as_view(), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("join/", views.join, name="join"),
    path("password/", views.ChangePasswordView.as_view(), name="password-change"),
    path("tokens/", views.create_token, name="create-token"),
    path("tokens/<int:token_id>/revoke/", views.revoke_token, name="revoke-token"),
]
