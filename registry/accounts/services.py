"""What a person asks for: a first set of accounts, a place in a class, a token, another role."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.auth.models import Group
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from registry.accounts.errors import (
    AlreadyMemberError,
    LastAdminError,
    PasswordError,
    TokenError,
    UnknownJoinCodeError,
    UsernameError,
)
from registry.accounts.models import ApiToken, Classroom, Membership, Role, Scope, User

# Letters and digits that nobody mixes up when a code is read out in a classroom.
CODE_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
FIRST_CLASS = "First class"
TOKEN_PREFIX = "hw_"  # noqa: S105 - the visible beginning of every secret
MAX_TOKENS_PER_USER = 50
LAST_USED_EVERY = timedelta(minutes=1)
FIRST_ACCOUNTS_LOCK = 7_230_001  # any number that no other advisory lock uses


@dataclass(frozen=True)
class FirstAccounts:
    """What whoever starts the platform first has to know. Passwords are not kept anywhere else."""

    admin: User
    passwords: dict[str, str]  # by username, which is the role's name
    classroom: str
    join_code: str

    def lines(self) -> list[str]:
        width = max(map(len, self.passwords))
        accounts = [f"{name:<{width}}  {word}" for name, word in self.passwords.items()]
        return [*accounts, f"class code for students: {self.join_code} ({self.classroom})"]


def create_first_accounts() -> FirstAccounts | None:
    """Make one account of each role and a class with a join code; None if anybody exists.

    Two processes that start at once make one set: the second waits for the first.
    """
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [FIRST_ACCOUNTS_LOCK])
        if User.objects.exists():
            return None
        passwords = {role.value: secrets.token_urlsafe(12) for role in reversed(Role)}
        classroom = create_classroom(FIRST_CLASS)
        users = {}
        for role in Role:
            users[role] = create_user(role.value, passwords[role.value], role)
        # The first admin is above the groups, so that somebody can mend them.
        User.objects.filter(pk=users[Role.ADMIN].pk).update(is_superuser=True)
        add_member(classroom, users[Role.INSTRUCTOR], teaches=True)
        add_member(classroom, users[Role.STUDENT])
        users[Role.ADMIN].refresh_from_db()
        return FirstAccounts(users[Role.ADMIN], passwords, classroom.name, classroom.spelled_code)


@transaction.atomic
def create_user(username: str, password: str, role: Role | str = Role.STUDENT) -> User:
    """Raises: UsernameError, PasswordError."""
    user = User(username=User.normalize_username(username))
    try:
        user.clean_fields(exclude=["password"])
    except ValidationError as error:
        raise UsernameError(" ".join(error.messages)) from None
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise PasswordError(" ".join(error.messages)) from None
    user.set_password(password)
    if User.objects.filter(username__iexact=user.username).exists():
        raise UsernameError(f"The name {user.username} is taken. Choose another.")
    try:
        with transaction.atomic():
            user.save()
    except IntegrityError:
        raise UsernameError(f"The name {user.username} is taken. Choose another.") from None
    set_role(user, role)
    return user


@transaction.atomic
def set_role(user: User, role: Role | str) -> None:
    """Give a user exactly this role. Raises: LastAdminError."""
    role = Role(role)
    if role is not Role.ADMIN:
        check_not_last_admin(user)
    user.groups.set([Group.objects.get(name=role.value)])
    user.is_superuser = user.is_superuser and role is Role.ADMIN
    user.save(update_fields=["is_superuser"])
    user.__dict__.pop("_role_names", None)
    for cache in ("_perm_cache", "_user_perm_cache", "_group_perm_cache"):
        user.__dict__.pop(cache, None)


def create_classroom(name: str) -> Classroom:
    return Classroom.objects.create(name=name, join_code=new_join_code())


def new_join_code() -> str:
    return "".join(secrets.choice(CODE_LETTERS) for _ in range(10))


def renew_join_code(classroom: Classroom) -> None:
    """The old code stops working; members stay."""
    classroom.join_code = new_join_code()
    classroom.save(update_fields=["join_code"])


def find_classroom(code: str) -> Classroom:
    """Raises: UnknownJoinCodeError."""
    plain = "".join(letter for letter in code.upper() if letter.isalnum())[:20]
    classroom = Classroom.objects.filter(join_code=plain).first() if plain else None
    if classroom is None:
        raise UnknownJoinCodeError(
            "No class has this code. Check it letter by letter, or ask your instructor for it."
        )
    return classroom


@transaction.atomic
def join_class(code: str, username: str, password: str) -> User:
    """Make a student's account in the class that has this code.

    Raises: UnknownJoinCodeError, UsernameError, PasswordError. Nothing is made then.
    """
    classroom = find_classroom(code)
    user = create_user(username, password, Role.STUDENT)
    add_member(classroom, user)
    return user


def join_another_class(user: User, code: str) -> Classroom:
    """Raises: UnknownJoinCodeError, AlreadyMemberError."""
    classroom = find_classroom(code)
    if not add_member(classroom, user):
        raise AlreadyMemberError(f"You are in {classroom.name} already.")
    return classroom


def add_member(classroom: Classroom, user: User, *, teaches: bool = False) -> bool:
    """Returns: False if the user was a member before; a member who is to teach now teaches."""
    membership, created = Membership.objects.get_or_create(
        classroom=classroom, user=user, defaults={"teaches": teaches}
    )
    if teaches and not membership.teaches:
        membership.teaches = True
        membership.save(update_fields=["teaches"])
    return created


def issue_token(
    user: User, name: str, scopes: Iterable[str], expires: datetime | None = None
) -> tuple[ApiToken, str]:
    """Make a token. The secret is in the reply and nowhere else.

    Raises: TokenError.
    """
    wanted = list(dict.fromkeys(scopes))
    unknown = [scope for scope in wanted if scope not in Scope.values]
    if unknown or not wanted:
        found = ", ".join(unknown) or "no scope"
        raise TokenError(f"found {found}; expected some of {', '.join(Scope.values)}")
    if expires is not None and expires <= timezone.now():
        raise TokenError("the expiry lies in the past; choose a later time, or none")
    if not name.strip() or len(name) > 100:
        raise TokenError("a token needs a name of 1 to 100 characters, to tell it apart later")
    live = ApiToken.objects.filter(user=user, revoked_at=None).count()
    if live >= MAX_TOKENS_PER_USER:
        raise TokenError(f"you have {live} tokens; revoke some before you make another")
    secret = TOKEN_PREFIX + secrets.token_urlsafe(32)
    token = ApiToken.objects.create(
        user=user,
        name=name.strip(),
        prefix=secret[:9],
        digest=digest_of(secret),
        scopes=[Scope(scope).value for scope in wanted],
        expires_at=expires,
    )
    return token, secret


def revoke_token(token: ApiToken) -> None:
    """From now on the token opens nothing. Doing it twice keeps the first time."""
    ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=timezone.now())
    token.refresh_from_db()


def find_token(secret: str) -> ApiToken | None:
    """The token this secret belongs to, if it opens anything now.

    One hash and one look-up by digest whatever is sent, so the time tells nothing about secrets.
    """
    token = ApiToken.objects.select_related("user").filter(digest=digest_of(secret)).first()
    now = timezone.now()
    if token is None or token.revoked_at is not None or token.has_expired:
        return None
    if not token.user.is_active:
        return None
    note_use(token, now)
    return token


def note_use(token: ApiToken, now: datetime) -> None:
    """Write `last_used_at` at most once a minute: a busy client must not write on every request."""
    stale = now - LAST_USED_EVERY
    if token.last_used_at is None or token.last_used_at < stale:
        ApiToken.objects.filter(
            Q(last_used_at=None) | Q(last_used_at__lt=stale), pk=token.pk
        ).update(last_used_at=now)


def digest_of(secret: str) -> str:
    # A fast hash is right here: the secret has 256 random bits, so there is nothing to guess.
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


@transaction.atomic
def set_active(user: User, active: bool) -> None:
    """Close or open an account. A closed one keeps its things. Raises: LastAdminError."""
    if not active:
        check_not_last_admin(user)
    user.is_active = active
    user.save(update_fields=["is_active"])


@transaction.atomic
def delete_user(user: User) -> None:
    """Runs and models of the account stay, without an owner. Raises: LastAdminError."""
    check_not_last_admin(user)
    user.delete()


def check_not_last_admin(user: User) -> None:
    """Raises: LastAdminError. Call it in the transaction that takes the role away."""
    if admin_ids(User.objects.select_for_update(of=("self",))) == {user.pk}:
        raise LastAdminError(f"{user.username} is the only admin. Make somebody else admin first.")


def admin_ids(users: QuerySet[User]) -> set[int]:
    """Those of `users` whose account is open and who are admins, by group or as superuser."""
    found = users.filter(is_active=True)
    in_group = set(found.filter(groups__name=Role.ADMIN).values_list("pk", flat=True))
    return in_group | set(found.filter(is_superuser=True).values_list("pk", flat=True))
