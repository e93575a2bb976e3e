-- Each beat of a stream cut into several, for designs written by netloom.
--
-- SPDX-License-Identifier: Apache-2.0
--
-- The least significant of BEATS parts leaves first. The rules are those of `Spread` in core/dataflow.py.

library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

entity netloom_spread is
  generic (
    BEATS     : positive;
    WIDTH     : positive              -- bits of a beat that comes out
  );
  port (
    clk       : in  std_logic;
    rst       : in  std_logic;
    in_valid  : in  std_logic;
    in_ready  : out std_logic;
    in_data   : in  std_logic_vector(BEATS * WIDTH - 1 downto 0);
    out_valid : out std_logic;
    out_ready : in  std_logic;
    out_data  : out std_logic_vector(WIDTH - 1 downto 0)
  );
end entity netloom_spread;

architecture rtl of netloom_spread is

  signal n     : natural range 0 to BEATS - 1 := 0;
  signal v     : std_logic := '0';
  signal held  : std_logic_vector(BEATS * WIDTH - 1 downto 0);
  signal ready : std_logic;
  signal fire  : std_logic;

begin

  ready     <= not v or out_ready when n = BEATS - 1 else not v;
  fire      <= in_valid and ready;
  in_ready  <= ready;
  out_valid <= v;
  out_data  <= held(WIDTH - 1 downto 0);

  control : process (clk)
  begin
    if rising_edge(clk) then
      if rst = '1' then
        n <= 0;
        v <= '0';
      else
        if v = '1' and out_ready = '1' then
          if n = BEATS - 1 then
            n <= 0;
            v <= '0';
          else
            n <= n + 1;
          end if;
        end if;
        if fire = '1' then
          v <= '1';
        end if;
      end if;
    end if;
  end process control;

  shift : process (clk)
  begin
    if rising_edge(clk) then
      if fire = '1' then
        held <= in_data;
      elsif out_ready = '1' and BEATS > 1 then
        held((BEATS - 1) * WIDTH - 1 downto 0) <= held(BEATS * WIDTH - 1 downto WIDTH);
      end if;
    end if;
  end process shift;

end architecture rtl;
