-- The same beats over and over, for designs written by netloom.
--
-- SPDX-License-Identifier: Apache-2.0
--
-- The first beat is least significant in CONTENTS. The rules are those of `Constant` in core/dataflow.py.

library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

entity netloom_rom is
  generic (
    BEATS     : positive;
    WIDTH     : positive;             -- bits of a beat
    CONTENTS  : std_logic_vector      -- BEATS * WIDTH bits
  );
  port (
    clk       : in  std_logic;
    rst       : in  std_logic;
    out_valid : out std_logic;
    out_ready : in  std_logic;
    out_data  : out std_logic_vector(WIDTH - 1 downto 0)
  );
end entity netloom_rom;

architecture rtl of netloom_rom is

  type beats_t is array (0 to BEATS - 1) of std_logic_vector(WIDTH - 1 downto 0);

  function table return beats_t is
    alias    bits   : std_logic_vector(CONTENTS'length - 1 downto 0) is CONTENTS;
    variable result : beats_t;
  begin
    for i in result'range loop
      result(i) := bits((i + 1) * WIDTH - 1 downto i * WIDTH);
    end loop;
    return result;
  end function table;

  constant STORED : beats_t := table;

  signal n      : natural range 0 to BEATS - 1 := 0;
  signal n_next : natural range 0 to BEATS - 1;

begin

  assert CONTENTS'length = BEATS * WIDTH
    report "the contents are BEATS * WIDTH bits"
    severity failure;

  out_valid <= '1';

  count : process (all)
  begin
    n_next <= n;
    if rst = '1' then
      n_next <= 0;
    elsif out_ready = '1' then
      if n = BEATS - 1 then
        n_next <= 0;
      else
        n_next <= n + 1;
      end if;
    end if;
  end process count;

  -- The memory is read ahead, so that its clocked output is always beat n.
  read : process (clk)
  begin
    if rising_edge(clk) then
      n        <= n_next;
      out_data <= STORED(n_next);
    end if;
  end process read;

end architecture rtl;
