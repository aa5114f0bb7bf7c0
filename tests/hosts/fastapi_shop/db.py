"""Orders, in the shop's own table."""

import os

import guest
from sqlalchemy import BigInteger, create_engine
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

URL = os.environ["DATABASE_URL"].replace("postgresql:", "postgresql+psycopg:")
engine, async_engine = create_engine(URL), create_async_engine(URL)


class Base(DeclarativeBase):
    """The shop's tables."""


class Appointment(Base):
    """An order of the shop; its table has a name that booking-worker uses, too."""

    __tablename__ = "appointments"
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)


def place_order(number: int, *, fails: bool = False) -> None:
    """Write an order, and book for it, in one transaction."""
    with Session(engine) as session, session.begin():
        session.add(Appointment(id=number))
        guest.before_commit(number, session)
        if fails:
            raise ValueError("the card is refused")
    guest.after_commit(number)


async def place_order_async(number: int, *, fails: bool = False) -> None:
    """Do the same in an event loop."""
    async with AsyncSession(async_engine) as session, session.begin():
        session.add(Appointment(id=number))
        await guest.before_async_commit(number, session)
        if fails:
            raise ValueError("the card is refused")
    await guest.after_async_commit(number)
