"""Lays down the platform beside the flawed application, as an operator would."""

from __future__ import annotations

from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from monitor.demo import gym_content
from monitor.demo.build import Application, connect
from monitor.model.target import Credentials
from monitor.postgres import platform
from monitor.postgres.session import Purpose, Session
from monitor.postgres.throwaway import ThrowawayServer
from monitor.postgres.translate import translate

DATABASE = "ai_gym"


async def build(
    server: ThrowawayServer, shop: Application, folder: Path | None = None
) -> str:
    """Install the platform in a database of its own, with rows.

    Returns the connection string of its API gateway, whose login is the shop's.
    `folder` holds the migrations instead of the shipped ones.

    Raises:
        TargetError: the server refused a statement.
        MigrationError: the platform could not be installed.
    """
    owner = server.conninfo(DATABASE)
    try:
        async with await connect(server.conninfo()) as connection:
            await connection.execute(
                sql.SQL("create database {}").format(sql.Identifier(DATABASE))
            )
        await _install(owner, folder)
        async with await connect(owner) as connection:
            await connection.execute(gym_content.AUTH_SERVICE)
            await connection.execute(gym_content.ROWS)
    except psycopg.Error as error:
        raise translate(error, what="build the demo's platform") from error
    return make_conninfo(shop.traffic, dbname=DATABASE)


async def _install(owner: str, folder: Path | None) -> None:
    session = await Session.open(
        Credentials(conninfo=owner), purpose=Purpose.ACT, instance="demo"
    )
    try:
        await platform.install(session, with_auth_shim=True, folder=folder)
    finally:
        await session.close()
