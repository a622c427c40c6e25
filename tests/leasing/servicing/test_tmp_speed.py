import time
from datetime import date
from tests.faults.portfolio import open_portfolio
from tests.leasing.running import House
from hub.leasing.payments import service as payments
from hub.leasing.servicing import service
from sqlalchemy import event

async def test_speed(database, clock):
    h = House(database=database, clock=clock, branch=None, seller=None, approver=None, register=None)
    ids = await open_portfolio(database, 200, commenced_on=h.today, term=24)
    await payments.perform_mandates(database, h.executor)
    count = [0]
    @event.listens_for(database.engine.sync_engine, "before_cursor_execute")
    def seen(conn, cursor, statement, parameters, context, executemany):
        count[0] += 1
    h.table = {}
    for day in (date(2026,2,5), date(2026,2,6), date(2026,2,7), date(2026,2,12)):
        await h.go_to(day)
        count[0]=0
        t=time.perf_counter(); n=await service.close_due_accounts(database); d=time.perf_counter()-t
        print(day, n, f"{d:.2f}s", count[0], "statements")
